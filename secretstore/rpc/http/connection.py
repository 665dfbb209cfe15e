# SPDX-License-Identifier: Apache-2.0
"""One connection to a server, and the thread that serves it."""

from collections.abc import Callable
import contextlib
import logging
import select
import socket
import ssl
import time
from typing import NamedTuple

from secretstore.rpc import wire
from secretstore.rpc.http import answers
from secretstore.rpc.http.gate import Gate, Turn
from secretstore.rpc.http.patience import OVER, bound
from secretstore.rpc.http.requests import Request, Requests
from secretstore.rpc.turned_away import TurnedAway, Why

LOG = logging.getLogger(__name__)

_SIZE = 65536
# Seconds that a client has to read the last answer and close.
_LINGER = 1.0
_INSIDE = (Turn.AT_ONCE, Turn.AFTER_WAITING)
_WHY = {
    Turn.FULL: Why.FULL,
    Turn.OVER: Why.WAITED,
    Turn.CLOSED: Why.STOPPING,
}


class Limits(NamedTuple):
    """What one connection may take."""

    body: int = 2**20
    """Bytes of a request."""
    slow: float = 30.0
    """Seconds in which a request must come in, or an answer go out."""
    idle: float = 300.0
    """Seconds without a request after which the connection is closed."""
    first: float = 10.0
    """The same, and *slow*, until the client has shown that it is no stranger.
    """


class Service(NamedTuple):
    """What all connections of a server share."""

    handle: Callable[[bytes], bytes]
    gate: Gate
    turned_away: TurnedAway
    limits: Limits
    tls: ssl.SSLContext | None
    stopping: int
    """A file descriptor that becomes readable when the server stops."""


class Connection:
    """A client's connection; serve() is for a thread of its own.

    A client is told when the connection ends: by ``Connection: close`` in
    the answer or, while it is idle, by an answer that nobody asked for.  As
    that says that nothing was executed, it is also the right one to a
    request that crossed it.

    :ivar trusted: a request was answered with what strangers do not get
    """

    def __init__(self, sock: socket.socket, service: Service) -> None:
        self.trusted = False
        self._sock = sock
        self._service = service
        self._requests = Requests(service.limits.body)
        self._poll = select.poll()
        self._poll.register(service.stopping, select.POLLIN)

    def serve(self) -> None:
        """Answer requests until one side closes; raises nothing."""
        try:
            # Whoever may open a unix socket is decided by its mode.
            tls = self._service.tls
            if tls is not None and self._sock.family != socket.AF_UNIX:
                self._shake_hands(tls)
            bound(self._sock, self._patience())
            self._poll.register(self._sock, select.POLLIN)
            while self._wait() and self._exchange():
                pass
        except OSError as error:
            # The client went away, or does not read.
            LOG.debug('A connection ended: %s', error)
        except Exception:
            LOG.exception('A connection failed')
        finally:
            self._sock.close()

    def abort(self) -> None:
        """End it from another thread, whatever it does."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def _shake_hands(self, context: ssl.SSLContext) -> None:
        peer = self._sock.getpeername()
        plain = self._sock
        plain.settimeout(self._patience())
        try:
            self._sock = context.wrap_socket(
                plain, server_side=True, do_handshake_on_connect=False
            )
            self._sock.do_handshake()
        except OSError as error:
            LOG.warning('No TLS with %s: %s', peer[0], _reason(error))
            self._linger()
            raise

    def _wait(self) -> bool:
        """Whether there is something to read; else all was said."""
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        limits = self._service.limits
        seconds = limits.idle
        if not self.trusted:
            seconds = min(seconds, limits.first)
        ready = self._poll.poll(seconds * 1000)
        for descriptor, _ in ready:
            if descriptor != self._service.stopping:
                return True
        self._say_last(answers.STOPPING)
        return False

    def _patience(self) -> float:
        """Seconds in which a request must come in."""
        limits = self._service.limits
        if self.trusted:
            return limits.slow
        return min(limits.slow, limits.first)

    def _exchange(self) -> bool:
        """Take in one request, or several sent at once, and answer.

        Returns whether there can be more.
        """
        requests = self._requests
        if not self._receive():
            return False
        taken, requests.complete = requests.complete, []
        for request in taken:
            if not self._answer(request):
                return False
        if requests.problem is None:
            return True
        if requests.problem is answers.TOO_LARGE:
            LOG.warning(
                'A request has more than %d bytes, and is refused',
                self._service.limits.body,
            )
        self._say_last(requests.problem)
        return False

    def _receive(self) -> bool:
        """Read until there is a request or a problem; False at the end."""
        requests, limit = self._requests, self._patience()
        deadline = 0.0
        while True:
            try:
                data = self._sock.recv(_SIZE)
            except OVER:
                requests.problem = answers.SLOW
                return True
            if not data:
                return False
            requests.feed(data)
            if requests.complete or requests.problem is not None:
                break
            if requests.wanted:
                requests.wanted = False
                self._sock.sendall(answers.CONTINUE)
            now = time.monotonic()
            deadline = deadline or now + limit
            bound(self._sock, deadline - now)
        if deadline:
            bound(self._sock, limit)
        return True

    def _answer(self, request: Request) -> bool:
        gate = self._service.gate
        turn = gate.enter()
        if turn is Turn.AFTER_WAITING and self._is_gone():
            # What it asked for may have gone to another conductor.
            gate.leave()
            self._service.turned_away.note(Why.GONE)
            return False
        if turn not in _INSIDE:
            self._service.turned_away.note(_WHY[turn])
            if gate.closed or not request.keep:
                self._say_last(answers.STOPPING)
                return False
            self._sock.sendall(answers.OVERLOADED)
            return True
        try:
            body = self._service.handle(request.body)
        except Exception:
            LOG.exception('A request failed')
            self._say_last(answers.FAILED)
            return False
        finally:
            gate.leave()
        if not self.trusted and wire.is_trusted(body):
            self.trusted = True
            bound(self._sock, self._patience())
        if gate.closed or not request.keep:
            self._say_last(answers.last_success(body))
            return False
        self._sock.sendall(answers.success(body))
        return True

    def _is_gone(self) -> bool:
        """Whether the client has closed its end."""
        poll = select.poll()
        poll.register(self._sock, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _say_last(self, answer: bytes) -> None:
        self._sock.sendall(answer)
        self._linger()

    def _linger(self) -> None:
        """Let the client read what was sent before the connection is gone.

        Closing with something unread would reset the connection.
        """
        deadline = time.monotonic() + _LINGER
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while (rest := deadline - time.monotonic()) > 0:
                self._sock.settimeout(rest)
                if not self._sock.recv(_SIZE):
                    return


def _reason(error: OSError) -> str:
    return str(getattr(error, 'reason', None) or error)
