# SPDX-License-Identifier: Apache-2.0
"""A directory of key files that only the service can read.

Every check is made on the opened file, and files are named relative to the
opened directory, so that nothing can be exchanged between check and use.
"""

import base64
import binascii
from collections.abc import Iterator
import contextlib
import errno
import os
import secrets
import stat

from secretstore import errors, exposure
from secretstore.crypto import aead

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
MOST_BYTES = 1024
_NOT_ALLOWED = (
    'the user of the service (id {}) may not do this: give it the file and '
    'its directory with chown and chmod, and let it pass the directories '
    'above'
)
# What stays as it is until somebody changes something.
_FOR_THE_OPERATOR = {
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.ELOOP: (
        'symbolic links are refused here: put the file itself in the place '
        'of the link'
    ),
}


class KeyDirectory:
    """Key files by name, one 256-bit key in each, as a line of base64.

    Names are the caller's own, never a user's.  Messages name the file and
    what to do.  What an operator can put right without a backup is
    ``MasterKeyUnavailable`` (a missing directory, a full disk) or
    ``MasterKeyUnusable`` (permissions, owner, links), and works again once
    it is; a file that is gone or holds no key is ``MasterKeyNotFound``.
    """

    def __init__(self, path: str) -> None:
        # A slash at the end would make the kernel follow a symbolic link.
        self._path = os.path.normpath(path)

    def path_of(self, name: str) -> str:
        """Where the file is, for messages."""
        return os.path.join(self._path, name)

    def check(self) -> None:
        """Return when the directory is there and closed to others."""
        with self._opened():
            pass

    def create(self, name: str, key: bytes) -> None:
        """Store a key under a new name; on return it survives a crash.

        The file appears complete or not at all, and never replaces
        another.
        """
        self._make()
        content = base64.b64encode(key) + b'\n'
        with self._opened() as directory, reported(self.path_of(name)):
            _write(directory, name, content)

    def read(self, name: str) -> bytes:
        """Return the key."""
        path = self.path_of(name)
        with self._opened() as directory, reported(path):
            try:
                # A pipe left under this name must not block the service.
                file = os.open(name, _READ | os.O_NONBLOCK, dir_fd=directory)
            except FileNotFoundError:
                raise _missing(path) from None
            try:
                refuse_exposed(path, os.fstat(file), exposure.ours('600'))
                content = os.read(file, MOST_BYTES)
            finally:
                os.close(file)
        return parsed(path, content)

    def delete(self, name: str) -> None:
        """Remove a key; on return it is gone, a crash notwithstanding."""
        path = self.path_of(name)
        with self._opened() as directory, reported(path):
            _unlink_drafts(directory, name)
            try:
                os.unlink(name, dir_fd=directory)
            except FileNotFoundError:
                raise _missing(path) from None
            os.fsync(directory)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        with reported(self._path):
            try:
                directory = os.open(self._path, _READ | os.O_DIRECTORY)
            except FileNotFoundError:
                raise errors.MasterKeyUnavailable(
                    f'{self._path}: the directory of the master keys is '
                    f'missing: mount or restore it, or correct '
                    f'[proprietary] crypt_key_dir'
                ) from None
            except NotADirectoryError:
                raise errors.MasterKeyUnusable(
                    f'{self._path}: not a directory, or a symbolic link, '
                    f'which is refused: set [proprietary] crypt_key_dir to '
                    f'the directory itself'
                ) from None
        try:
            with reported(self._path):
                rule = exposure.ours('700')._replace(is_type=stat.S_ISDIR)
                refuse_exposed(self._path, os.fstat(directory), rule)
            yield directory
        finally:
            os.close(directory)

    def _make(self) -> None:
        with reported(self._path):
            try:
                os.mkdir(self._path, 0o700)
            except FileExistsError:
                return
            parent = os.open(
                os.path.dirname(self._path) or '.', _READ & ~os.O_NOFOLLOW
            )
            try:
                os.fsync(parent)
            finally:
                os.close(parent)


def _write(directory: int, name: str, content: bytes) -> None:
    # A crash may leave a draft behind, which must not stand in the way.
    temporary = f'.{name}.{secrets.token_hex(8)}.new'
    file = os.open(temporary, _CREATE, 0o600, dir_fd=directory)
    try:
        with os.fdopen(file, 'wb') as writer:
            # The umask may have taken bits away.
            os.fchmod(file, 0o600)
            writer.write(content)
            writer.flush()
            os.fsync(file)
        # Unlike rename, link refuses to replace a file.
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.unlink(temporary, dir_fd=directory)
    os.fsync(directory)


def _unlink_drafts(directory: int, name: str) -> None:
    """Remove what crashes left of _write: it may hold the same key."""
    for entry in os.listdir(directory):
        if entry.startswith(f'.{name}.') and entry.endswith('.new'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry, dir_fd=directory)


def refuse_exposed(
    path: str, info: os.stat_result, rule: exposure.Rule
) -> None:
    """Raise MasterKeyUnusable unless the opened file keeps the rule."""
    if problem := exposure.problem(info, rule):
        raise errors.MasterKeyUnusable(f'{path}: {problem}')


def parsed(path: str, content: bytes) -> bytes:
    """The key in a key file; MasterKeyNotFound when there is none."""
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        key = b''
    if len(key) != aead.KEY_SIZE:
        raise errors.MasterKeyNotFound(
            f'{path}: does not hold a key (one line, base64 of '
            f'{aead.KEY_SIZE} bytes): restore it from a backup'
        )
    return key


def _missing(path: str) -> errors.MasterKeyNotFound:
    return errors.MasterKeyNotFound(
        f'{path}: this master key file is missing: restore it from a backup'
    )


@contextlib.contextmanager
def reported(path: str) -> Iterator[None]:
    """Name the file in what the operating system complains about."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FOR_THE_OPERATOR:
            raise errors.MasterKeyUnusable(
                f'{path}: {exc.strerror}: '
                f'{_FOR_THE_OPERATOR[exc.errno].format(os.geteuid())}'
            ) from exc
        raise errors.MasterKeyUnavailable(
            f'{path}: {exc.strerror or type(exc).__name__}'
        ) from exc
