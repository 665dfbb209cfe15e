# SPDX-License-Identifier: Apache-2.0
"""The sockets that a conductor's processes listen on together."""

import collections
from collections.abc import Sequence
import contextlib
import fcntl
import logging
import os
import select
import socket
import stat
import threading
from typing import Any

from secretstore import errors
from secretstore.rpc.http import answers
from secretstore.rpc.http.addresses import Address

LOG = logging.getLogger(__name__)

_BACKLOG = 512


class Listening:
    """Sockets bound by one process, for itself and for those it starts.

    Whoever inherits them, by fork or in a pickle to a spawned process,
    accepts from the same queue: a connection goes to whichever process is
    ready, none is lost with a process that ends, and none waits for one
    that hangs.  (With SO_REUSEPORT the kernel deals connections out by
    their hash, and resets those dealt to a process that ends.)

    Raises StartupError when it cannot listen at one of the addresses.
    """

    def __init__(self, listen: Sequence[Address], mode: int = 0o660) -> None:
        self.sockets: list[socket.socket] = []
        # With the ports that the system has chosen.
        self.addresses: list[Address] = []
        self._owner = os.getpid()
        self._paths: list[_Path] = []
        self._refuser: Refuser | None = None
        self._closed = False
        try:
            for address in listen:
                self._listen(address, mode)
        except BaseException:
            self.close()
            raise

    @property
    def owned(self) -> bool:
        """Whether this process has bound them, and nobody gave them to it."""
        return self._owner == os.getpid()

    def refuse(self) -> None:
        """Answer all that connect from now on that the service stops.

        For the process that bound the sockets, when no other is going to
        accept any more: nobody shall wait for an answer until close().
        """
        if self._refuser is None:
            self._refuser = Refuser(self.sockets)
            self._refuser.start()

    def close(self) -> None:
        """Listen no longer; the process that bound them removes the paths."""
        if self._closed:
            return
        self._closed = True
        if self.owned:
            for path in self._paths:
                path.remove()
            self.refuse()
        if self._refuser is not None:
            self._refuser.stop()
        for sock in self.sockets:
            sock.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_paths': [], '_refuser': None}

    def _listen(self, address: Address, mode: int) -> None:
        try:
            if address.path:
                path = _Path(address.path)
                self._paths.append(path)
                sock = path.bind(mode)
            else:
                sock = _bind(address.host, address.port)
                address = address._replace(port=sock.getsockname()[1])
        except OSError as error:
            raise errors.StartupError(
                f'cannot listen at {address}: {error.strerror or error}'
            ) from error
        sock.setblocking(False)
        self.sockets.append(sock)
        self.addresses.append(address)


class Refuser:
    """A thread that tells all who connect to go elsewhere."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets
        self._stopping = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(
            target=self._run, name='rpc-http-refuse', daemon=True
        )
        self._held: Held = Held()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when all that connected until now know."""
        os.eventfd_write(self._stopping, 1)
        self._thread.join()
        self._refuse_all()
        self._held.close()
        os.close(self._stopping)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._stopping, select.POLLIN)
        for sock in self._sockets:
            poll.register(sock, select.POLLIN)
        while self._stopping not in dict(poll.poll()):
            self._refuse_all()

    def _refuse_all(self) -> None:
        for sock in self._sockets:
            while (client := accept(sock)) is not None:
                self._held.refuse(client, answers.STOPPING)


class Held:
    """The last connections that were refused, open until others follow.

    They are not closed at once because closing with something unread resets
    a connection, with the answer perhaps.
    """

    def __init__(self, most: int = 64) -> None:
        self._held: collections.deque[socket.socket] = collections.deque(
            maxlen=most
        )

    def refuse(self, client: socket.socket, answer: bytes) -> None:
        with contextlib.suppress(OSError):
            client.setblocking(False)
            client.send(answer)
            client.shutdown(socket.SHUT_WR)
        if len(self._held) == self._held.maxlen:
            self._held.popleft().close()
        self._held.append(client)

    def close(self) -> None:
        while self._held:
            self._held.popleft().close()


def accept(listener: socket.socket) -> socket.socket | None:
    """The next one that connected; None when another process has it."""
    try:
        return listener.accept()[0]
    except (BlockingIOError, ConnectionAbortedError):
        return None
    except OSError as error:
        # It stays in the queue until there are file descriptors again.
        LOG.warning('Cannot accept a connection: %s', error.strerror)
        threading.Event().wait(0.1)
        return None


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


class _Path:
    """The path of a unix socket.

    A lock beside it says whether the process that made the socket is alive,
    so that what another one left may be replaced, and nothing else.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = -1
        self._made = (0, 0)

    def bind(self, mode: int) -> socket.socket:
        """Listen; nobody sees the socket before its mode is set."""
        self._take()
        draft = f'{self._path}.new'
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.bind(draft)
            os.chmod(draft, mode)
            sock.listen(_BACKLOG)
            self._made = _identity(draft)
            os.rename(draft, self._path)
        except BaseException:
            sock.close()
            raise
        return sock

    def remove(self) -> None:
        """Unless it is another's by now."""
        with contextlib.suppress(FileNotFoundError):
            if _identity(self._path) == self._made:
                os.unlink(self._path)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._lock = os.open(f'{self._path}.lock', flags, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(0, 'another process listens there') from None
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.lstat(self._path).st_mode):
                raise OSError(0, 'there is a file which is not a socket')


def _identity(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
