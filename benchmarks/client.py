# SPDX-License-Identifier: Apache-2.0
"""A closed-loop load client: N connections with one request each in flight.

One thread over raw sockets and epoll, because the client shares the machine
with the servers it measures. A latency runs from just before a request is
sent until its last byte was read, waits inside the client included.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field
import select
import socket
import time

from benchmarks import wire

ANSWER_LIMIT = 60.0
SAMPLE_EVERY = 50


class LoadError(Exception):
    """The server did something no figure could be right with."""


@dataclass
class Result:
    """What one burst of load saw; times in seconds."""

    connections: int
    wall: float = 0.0
    client_cpu: float = 0.0
    times: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    errors: collections.Counter[str] = field(
        default_factory=collections.Counter
    )
    reconnects: int = 0

    @property
    def done(self) -> int:
        return len(self.times)

    def rps(self) -> float:
        return self.done / self.wall if self.wall else 0.0

    def quantile(self, share: float) -> float:
        """Latency that ``share`` of the good answers stayed within."""
        if not self.times:
            raise LoadError(f'no good answer at all: {dict(self.errors)}')
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection:
    """A keep-alive connection; reopened when the server closed it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._parts = b''
        self.began = 0.0
        self.sock = self._open()

    def _open(self) -> socket.socket:
        sock = socket.create_connection(self._address, timeout=ANSWER_LIMIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A Python timeout would cost one more system call per send and
        # receive; epoll already says when there is something to read.
        sock.settimeout(None)
        return sock

    def send(self, data: bytes) -> None:
        self._parts = b''
        self.began = time.perf_counter()
        self.sock.sendall(data)

    def receive(self) -> wire.Answer | None:
        data = self.sock.recv(262144)
        if not data:
            raise ConnectionError('closed by the server')
        if self._parts:
            data = self._parts + data
        answer = wire.parse(data)
        if answer is None:
            self._parts = data
            # A server that writes head and body apart would wait for our
            # delayed acknowledgement, and that is all one would measure.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return answer


class _Burst:
    """State of one drive()."""

    def __init__(
        self,
        target: wire.Target,
        connections: int,
        requests: Iterator[bytes],
        expect: int,
        keep_bodies: bool,
    ) -> None:
        self.result = Result(connections)
        self.deadline = 0.0
        self._target = target
        self._requests = requests
        self._expect = expect
        self._every = 1 if keep_bodies else SAMPLE_EVERY
        self._poll = select.epoll()
        self._open: dict[int, _Connection] = {}

    def start(self) -> None:
        for _ in range(self.result.connections):
            self._add()

    def _add(self) -> None:
        connection = _Connection(self._target.address)
        fd = connection.sock.fileno()
        self._poll.register(fd, select.EPOLLIN)
        self._open[fd] = connection
        self._next(fd, connection)

    def _next(self, fd: int, connection: _Connection) -> None:
        """Send the next request, or leave when there is none to send."""
        data = None
        if time.perf_counter() < self.deadline:
            data = next(self._requests, None)
        if data is None:
            self._drop(fd)
        else:
            connection.send(data)

    def _drop(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._open.pop(fd).sock.close()

    def run(self) -> float:
        """Until nothing is in flight; the time of the last good answer."""
        last = time.perf_counter()
        while self._open:
            events = self._poll.poll(ANSWER_LIMIT)
            if not events:
                raise LoadError(f'no answer within {ANSWER_LIMIT:.0f} s')
            for fd, _ in events:
                last = self._handle(fd, self._open[fd]) or last
        return last

    def _handle(self, fd: int, connection: _Connection) -> float | None:
        try:
            answer = connection.receive()
        except (OSError, wire.BadAnswer) as error:
            self.result.errors[str(error)] += 1
            self._reopen(fd)
            return None
        if answer is None:
            return None
        now = time.perf_counter()
        self._note(answer, now - connection.began)
        if answer.keep:
            self._next(fd, connection)
        else:
            self._reopen(fd)
        return now

    def _note(self, answer: wire.Answer, took: float) -> None:
        result = self.result
        if answer.status != self._expect:
            result.errors[f'status {answer.status}'] += 1
            return
        if not len(result.times) % self._every:
            result.bodies.append(answer.body)
        result.times.append(took)

    def _reopen(self, fd: int) -> None:
        self.result.reconnects += 1
        self._drop(fd)
        if sum(self.result.errors.values()) > 100:
            raise LoadError(f'too many errors: {dict(self.result.errors)}')
        self._add()

    def close(self) -> None:
        for fd in list(self._open):
            self._drop(fd)
        self._poll.close()


def drive(
    target: wire.Target,
    connections: int,
    seconds: float,
    requests: Iterator[bytes],
    expect: int,
    *,
    keep_bodies: bool = False,
) -> Result:
    """Load the target until the time or the requests are used up.

    An answer with another status than ``expect`` counts as an error and not
    as a request. ``bodies`` holds every body or a sample of them.
    """
    burst = _Burst(target, connections, requests, expect, keep_bodies)
    cpu, began = time.process_time(), time.perf_counter()
    burst.deadline = began + seconds
    try:
        burst.start()
        burst.result.wall = burst.run() - began
    finally:
        burst.close()
    burst.result.client_cpu = time.process_time() - cpu
    return burst.result


def ask(target: wire.Target, request: bytes, expect: int) -> bytes:
    """The body of one answer; raises LoadError for any other status."""
    result = drive(
        target, 1, ANSWER_LIMIT, iter([request]), expect, keep_bodies=True
    )
    if not result.bodies:
        line = request.split(b'\r\n', 1)[0].decode()
        raise LoadError(f'{line}: {dict(result.errors)}')
    return result.bodies[0]
