# SPDX-License-Identifier: Apache-2.0
"""What the processes of a host tell each other of PINs that were refused.

Tokens lock themselves after a few wrong PINs, whoever presents them.  So
only one process at a time presents any, and all remember what was refused,
and what was not answered, since a token may have counted that as well:
in a folder of their own below ``state_path``, which is also what they lock,
in a file with a line of hexadecimal digits for a salt, and one for each PIN.
"""

from collections.abc import Iterator
import contextlib
import enum
import errno
import fcntl
import hashlib
import hmac
import os
import secrets
import time
from typing import NamedTuple

from oslo_log import log as logging

from secretstore import errors

LOG = logging.getLogger(__name__)

FOLDER = 'hsm-pins'
_NAME, _DRAFT = 'refused', 'refused.new'
_SIZE = 32
# 0.2 s for each guess, paid only when something was refused; scrypt is not
# to be had where OpenSSL is confined to FIPS 140.
_ITERATIONS = 600_000
# Of all tokens together; the oldest is forgotten first.
_MOST = 32
_POLL_SECONDS = 0.02
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

Version = tuple[int, int] | None


class Known(enum.IntEnum):
    """What a token has said to a PIN; the worst is the greatest."""

    NOTHING = 0
    NO_ANSWER = 1
    NO_ANSWER_TWICE = 2
    REFUSED = 3


class _Content(NamedTuple):
    salt: bytes
    digests: list[bytes]

    def marks(self, token: str, pin: str) -> dict[Known, bytes]:
        """What the file has for each of what may be known."""
        refused = hashlib.pbkdf2_hmac(
            'sha256', f'{token}\0{pin}'.encode(), self.salt, _ITERATIONS
        )
        marks = {
            known: hmac.digest(refused, known.name.encode(), 'sha256')
            for known in (Known.NO_ANSWER, Known.NO_ANSWER_TWICE)
        }
        return {**marks, Known.REFUSED: refused}


def _nothing() -> _Content:
    return _Content(secrets.token_bytes(_SIZE), [])


class Turn:
    """Nobody else of this host presents a PIN meanwhile."""

    def __init__(self, directory: int) -> None:
        self._directory = directory

    def known(self, token: str, pin: str) -> Known | None:
        """None without a file, which whatever is known leaves behind."""
        content = self._read()
        if content is None:
            return None
        if not content.digests:
            return Known.NOTHING
        marks = content.marks(token, pin)
        return max(
            (known for known in marks if marks[known] in content.digests),
            default=Known.NOTHING,
        )

    def remember(self, token: str, pin: str, known: Known) -> None:
        """On return a crash does not make anybody forget it."""
        content = self._read() or _nothing()
        marks = content.marks(token, pin)
        if marks[known] in content.digests:
            return
        others = [d for d in content.digests if d not in marks.values()]
        digests = [*others, marks[known]]
        self._write(content._replace(digests=digests[-_MOST:]))

    def forget(self, token: str, pin: str) -> None:
        """Have all look again, also those that remember it of themselves."""
        content = self._read() or _nothing()
        marks = content.marks(token, pin).values() if content.digests else ()
        kept = [d for d in content.digests if d not in marks]
        self._write(content._replace(digests=kept))

    def _read(self) -> _Content | None:
        try:
            file = os.open(_NAME, _READ, dir_fd=self._directory)
        except FileNotFoundError:
            return None
        with os.fdopen(file, 'rb') as reader:
            text = reader.read()
        try:
            salt, *digests = map(bytes.fromhex, text.decode().split())
        except ValueError:
            LOG.warning('What was known of refused PINs is unreadable')
            return None
        return _Content(salt, digests)

    def _write(self, content: _Content) -> None:
        lines = [content.salt.hex(), *(d.hex() for d in content.digests)]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_DRAFT, dir_fd=self._directory)
        file = os.open(_DRAFT, _CREATE, 0o600, dir_fd=self._directory)
        with os.fdopen(file, 'w') as writer:
            _give_to_owner(file, os.fstat(self._directory))
            writer.writelines(f'{line}\n' for line in lines)
            writer.flush()
            os.fsync(file)
        os.replace(
            _DRAFT,
            _NAME,
            src_dir_fd=self._directory,
            dst_dir_fd=self._directory,
        )
        os.fsync(self._directory)


class RefusedPins:
    """The memory that all processes with one ``state_path`` share."""

    def __init__(self, state_path: str) -> None:
        self._state_path = state_path
        self._path = os.path.join(state_path, FOLDER)
        self._warned = False

    @property
    def version(self) -> Version:
        """Another one when anybody has remembered or forgotten something."""
        try:
            info = os.stat(os.path.join(self._path, _NAME))
        except OSError:
            return None
        return info.st_ino, info.st_mtime_ns

    @contextlib.contextmanager
    def turn(self, seconds: float) -> Iterator[Turn | None]:
        """Wait until no other process presents a PIN; None without a folder.

        Raises ``MasterKeyUnavailable`` when others take that long.
        """
        directory = self._taken(seconds)
        if directory is None:
            yield None
            return
        try:
            yield Turn(directory)
        finally:
            # A process that was forked meanwhile has the file open as well.
            fcntl.flock(directory, fcntl.LOCK_UN)
            os.close(directory)

    def warn(self, exc: OSError) -> None:
        """Tell, once, that each process remembers for itself."""
        if not self._warned:
            self._warned = True
            LOG.warning(
                '%s: %s: this process cannot tell others which PIN the token '
                'refused, nor learn it from them, so that each presents a '
                'wrong one once: let [DEFAULT] state_path be a folder that '
                'the user of the service (id %s) can write to',
                self._path,
                exc.strerror,
                os.geteuid(),
            )

    def _taken(self, seconds: float) -> int | None:
        with contextlib.ExitStack() as undo:
            try:
                directory = self._opened()
                undo.callback(os.close, directory)
                taken = _locked(directory, seconds)
            except OSError as exc:
                self.warn(exc)
                return None
            if not taken:
                raise errors.MasterKeyUnavailable(
                    f'{self._path}: other processes have been logging in to '
                    f'the HSM for {seconds:g} s: its library is slow or hangs'
                )
            undo.pop_all()
            return directory

    def _opened(self) -> int:
        owner = os.stat(self._state_path)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._path, 0o700)
        directory = os.open(self._path, _FOLDER_FLAGS)
        try:
            # Root may well be the first one, with a command.
            _give_to_owner(directory, owner)
            if not os.access(self._path, os.W_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, 'it cannot be written')
        except BaseException:
            os.close(directory)
            raise
        return directory


def _locked(directory: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True


def _give_to_owner(file: int, owner: os.stat_result) -> None:
    if os.geteuid() == 0 and os.fstat(file).st_uid != owner.st_uid:
        os.fchown(file, owner.st_uid, owner.st_gid)
