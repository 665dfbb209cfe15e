# SPDX-License-Identifier: Apache-2.0
"""One connection of a client: a request out, its answer in."""

import select
import socket
import ssl
import time
from typing import NamedTuple

import httptools

from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.patience import OVER, bound

_SIZE = 65536
# No answer is so large; something else than a conductor is there.
_MAX_ANSWER = 2**26


class Failed(Exception):
    """There is no answer; str() says why in a few words.

    :ivar executed: the request may have been executed nevertheless
    """

    executed = False


class NotSent(Failed):
    """The request did not get there as a whole, so it was not executed."""


class NoAnswer(Failed):
    """The request is on its way, and what became of it is not known."""

    executed = True


class Slow(NoAnswer):
    """There was none in time; the connection still stands."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    keep: bool
    """Whether the connection stays open."""


class Exchange:
    """A connection that carries one request after the other.

    For one thread.  After a failure it is of no use any more.  Raises
    NotSent when nobody is there.
    """

    def __init__(
        self, address: Address, seconds: float, tls: ssl.SSLContext | None
    ) -> None:
        self._address = address
        self._seconds = 0.0
        try:
            self._sock = _connect(address, seconds, tls)
        except OSError as error:
            raise NotSent(_words(error)) from error
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)
        self._head = (
            f'POST / HTTP/1.1\r\nHost: {address.authority}\r\n'
            'Content-Type: application/json\r\nContent-Length: '
        ).encode()
        self._answers: list[Answer] = []
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def stale(self) -> bool:
        """Whether the other end said or did something while it was idle.

        That can only be that it closes the connection.
        """
        return bool(self._poll.poll(0))

    def close(self) -> None:
        self._sock.close()

    def call(self, body: bytes, seconds: float) -> Answer:
        """Send a request, and return the answer; raises Failed."""
        if seconds != self._seconds:
            bound(self._sock, seconds)
            self._seconds = seconds
        try:
            self._sock.sendall(
                b'%b%d\r\n\r\n%b' % (self._head, len(body), body)
            )
        except OSError as error:
            raise NotSent(_words(error)) from error
        try:
            return self._receive(seconds)
        except OVER:
            raise Slow(f'no answer within {seconds:.3g} s') from None
        except ssl.SSLError as error:
            # An alert comes from a handshake that the server refused.
            if 'ALERT' in (error.reason or ''):
                raise NotSent(_words(error)) from error
            raise NoAnswer(_words(error)) from error
        except OSError as error:
            raise NoAnswer(_words(error)) from error
        except httptools.HttpParserError as error:
            raise NoAnswer('what answers does not speak HTTP') from error

    def _receive(self, seconds: float) -> Answer:
        deadline = 0.0
        received = 0
        while True:
            data = self._sock.recv(_SIZE)
            if not data:
                raise NoAnswer('it closed the connection without an answer')
            self._parser.feed_data(data)
            if self._answers:
                break
            received += len(data)
            if received > _MAX_ANSWER:
                raise NoAnswer('its answer has no end')
            now = time.monotonic()
            deadline = deadline or now + seconds
            self._seconds = deadline - now
            bound(self._sock, self._seconds)
        answer, *more = self._answers
        self._answers = []
        # What follows says that the connection is about to be closed.
        return answer._replace(keep=False) if more else answer

    # What the parser calls.

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        parser = self._parser
        status = parser.get_status_code()
        if status >= 200:
            keep = parser.should_keep_alive()
            self._answers.append(Answer(status, b''.join(self._body), keep))
        self._body = []


def _connect(
    address: Address, seconds: float, tls: ssl.SSLContext | None
) -> socket.socket:
    if address.path:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(seconds)
            sock.connect(address.path)
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((address.host, address.port), seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None or not address.tls:
        return sock
    try:
        return tls.wrap_socket(sock, server_hostname=address.host)
    except OSError:
        sock.close()
        raise


def _words(error: OSError) -> str:
    if isinstance(error, OVER):
        return 'timed out'
    if isinstance(error, ssl.SSLError):
        return f'TLS: {getattr(error, "verify_message", "") or error.reason}'
    return error.strerror or str(error)
