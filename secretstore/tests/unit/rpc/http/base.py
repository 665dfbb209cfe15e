# SPDX-License-Identifier: Apache-2.0
"""Servers and clients on real sockets, and what speaks to them by hand."""

from collections.abc import Callable, Sequence
import http.client
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any
import unittest

from secretstore.rpc import wire
from secretstore.rpc.http.addresses import Address, from_url
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.server import HttpServer

SECONDS = 10.0
LOCAL = '127.0.0.1:0'
REQUEST = (
    b'POST / HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n'
    b'Content-Length: %d\r\n\r\n%b'
)


def echo(body: bytes) -> bytes:
    return body


def request(body: bytes = b'{}') -> bytes:
    return REQUEST % (len(body), body)


class Peer:
    """The client's end of a connection, to send whatever there is."""

    def __init__(self, address: Address) -> None:
        if address.path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(address.path)
        else:
            self.sock = socket.create_connection((address.host, address.port))
        self.sock.settimeout(SECONDS)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self) -> http.client.HTTPResponse:
        """The next answer, with its body read already."""
        response = http.client.HTTPResponse(self.sock, method='POST')
        # Nothing of what follows may be read along.
        response.fp.close()
        response.fp = self.sock.makefile('rb', buffering=0)
        response.begin()
        response.text = response.read()  # type: ignore[attr-defined]
        return response

    def ended(self) -> bool:
        """Whether the other end closes without another word."""
        return self.sock.recv(1) == b''


class HttpTestCase(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def serve(
        self,
        handle: Callable[[bytes], bytes] = echo,
        listen: Sequence[str] = (LOCAL,),
        **options: Any,
    ) -> HttpServer:
        server = HttpServer(listen, handle, **options)
        server.start()
        self.addCleanup(server.stop, 0)
        return server

    def peer(self, server: HttpServer) -> Peer:
        peer = Peer(server.addresses[0])
        self.addCleanup(peer.sock.close)
        return peer

    def client(
        self, *servers: HttpServer | Address, **options: Any
    ) -> HttpClient:
        addresses = [
            server if isinstance(server, Address) else server.addresses[0]
            for server in servers
        ]
        client = HttpClient(addresses, **{'timeout': SECONDS, **options})
        self.addCleanup(client.close)
        return client

    def process(self, listen: str, *extra: str) -> 'ServerProcess':
        process = ServerProcess(listen, *extra)
        self.addCleanup(process.kill)
        return process


class ServerProcess:
    """A server of its own process, which answers with its name."""

    def __init__(self, listen: str, *extra: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, '-m', f'{__package__}.served', listen, *extra],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = from_url(self._process.stdout.readline().strip())[0]

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def terminate(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(SECONDS)


def ask(
    client: HttpClient, body: bytes = b'{}', repeatable: bool = False
) -> bytes:
    return client.call(
        lambda _: body, repeatable=repeatable, refused=wire.is_refused
    )


class Held:
    """A handler that waits until it is let go; counts who is inside."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._entered = threading.Semaphore(0)
        self._go = threading.Semaphore(0)

    def __call__(self, body: bytes) -> bytes:
        self.bodies.append(body)
        self._entered.release()
        assert self._go.acquire(timeout=SECONDS)
        return body

    def wait_for(self, count: int = 1) -> None:
        for _ in range(count):
            assert self._entered.acquire(timeout=SECONDS)

    def let_go(self, count: int = 1) -> None:
        self._go.release(count)


def in_thread(
    call: Callable[[], object],
) -> tuple[threading.Thread, list[object]]:
    """Start it; the list has its result, or exception, when it is done."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class Named:
    """Answers with a name; counts."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.count = 0

    def __call__(self, body: bytes) -> bytes:
        self.count += 1
        return self.name


def nowhere() -> Address:
    """Where nobody listens."""
    with socket.create_server(('127.0.0.1', 0)) as sock:
        return Address(*sock.getsockname())


def deaf() -> tuple[socket.socket, Address]:
    """Where connections are taken and nothing is ever answered."""
    sock = socket.create_server(('127.0.0.1', 0))
    return sock, Address(*sock.getsockname())
