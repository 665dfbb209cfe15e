# SPDX-License-Identifier: Apache-2.0
"""A way to a server that breaks once it has carried certain bytes."""

from collections.abc import Callable
import contextlib
import socket
import threading
import time
from typing import Self

from secretstore.tests.functional.services import system

# That the server has to do something with what it was sent.
_SECONDS = 0.5


class Breaking:
    """Listens on *port*, and carries what comes to a port of this machine.

    A connection is broken a moment after *marker* went to the server, which
    gets it, but can no longer answer; at most *times* are.
    """

    def __init__(self, server: int, marker: bytes, times: int = 1) -> None:
        self._server = server
        self._marker = marker
        self._listening = socket.create_server((system.HOST, 0))
        self._left = threading.BoundedSemaphore(times)
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
                server = socket.create_connection((system.HOST, self._server))
            except OSError:
                return
            way = _Way(client, server, self._breaks)
            for carry in (way.there, way.back):
                threading.Thread(target=carry, daemon=True).start()

    def _breaks(self, data: bytes) -> bool:
        return self._marker in data and self._left.acquire(blocking=False)


class _Way:
    """One connection, in both directions, each for a thread of its own."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        breaks: Callable[[bytes], bool],
    ) -> None:
        self._client = client
        self._server = server
        self._breaks = breaks
        self._silent = False

    def there(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(2**20):
                self._silent = self._breaks(data)
                self._server.sendall(data)
                if self._silent:
                    time.sleep(_SECONDS)
                    break
        self._end()

    def back(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(2**20):
                if not self._silent:
                    self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        for sock in (self._client, self._server):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
