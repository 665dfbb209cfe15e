# SPDX-License-Identifier: Apache-2.0
"""The client: a request to whichever conductor takes it."""

from collections.abc import Callable, Iterator, Sequence
import itertools
import ssl
import time

from secretstore import errors
from secretstore.rpc import wire
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.endpoints import Endpoint, Endpoints, Seat
from secretstore.rpc.http.exchange import (
    Answer,
    Exchange,
    Failed,
    NoAnswer,
    NotSent,
    Slow,
)
from secretstore.rpc.transport import Lacking

_Refused = Callable[[bytes], bool]
# Longer causes are not for one line.
_LONGEST = 300


class Unanswered(errors.ConductorUnavailable):
    """No endpoint gave an answer.

    :ivar executed: one of them may have executed the request nevertheless
    """

    def __init__(self, message: str, executed: bool) -> None:
        super().__init__(message)
        self.executed = executed


class _Declined(Failed):
    """It is well, but cannot just now, or is about to stop."""


class _Refuses(Failed):
    """It does not execute this, and would not later."""


class _Lacks(Failed):
    """It answered that it is without something that others may have."""

    executed = True

    def __init__(self, why: str, answer: bytes) -> None:
        super().__init__(why)
        self.answer = answer


_Failures = list[tuple[Endpoint, Failed]]


class HttpClient:
    """A :class:`secretstore.rpc.transport.Transport` over HTTP.

    Each thread has one connection, which it keeps for about *max_age*
    seconds; threads share the endpoints evenly.  An endpoint that failed is
    avoided for a short time, which grows.

    A request goes to another endpoint when it was not executed for sure:
    there was no connection, or the answer says so.  One that may have been
    executed goes there only if it is repeatable; therefore it waits for its
    first endpoint no longer than half of *timeout*.

    :param timeout: seconds that a call may take in all
    :param connect_timeout: seconds of them to wait for one connection
    :param tls: for endpoints with https
    """

    def __init__(
        self,
        endpoints: Sequence[Address],
        *,
        timeout: float = 60.0,
        connect_timeout: float = 2.0,
        max_age: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if tls is None and any(address.tls for address in endpoints):
            raise ValueError('https without a TLS context')
        self._endpoints = Endpoints(endpoints)
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._max_age = max_age
        self._tls = tls

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: _Refused,
        lacking: Lacking | None = None,
        in_doubt: Callable[[], object] | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """The answer to *request*; see the Transport.

        :param timeout: for this call, in place of the client's
        :raises Unanswered: there is none
        """
        seat = self._endpoints.seat()
        now = time.monotonic()
        rest = self._timeout if timeout is None else timeout
        deadline = now + rest
        left = len(self._endpoints)
        again: list[Endpoint] = []
        failures: _Failures = []
        for endpoint in itertools.chain(self._candidates(seat, now), again):
            left -= 1
            kept = seat.keeps(endpoint)
            began = deadline - rest
            share = rest / 2 if repeatable and left > 0 else rest
            try:
                answer = self._ask(seat, endpoint, request, share)
                _check(answer, refused, lacking if repeatable else None)
            except Failed as failure:
                failures.append((endpoint, failure))
                if self._note(seat, failure, began, kept):
                    again.append(endpoint)
                if _may_be_executed(failure, in_doubt) and not repeatable:
                    break
            else:
                if failures or endpoint.failures:
                    self._compare(endpoint, failures, now)
                return answer.body
            rest = deadline - time.monotonic()
            if rest <= 0:
                break
        return _last_resort(failures, repeatable)

    def close(self) -> None:
        """Close all connections; calls make new ones."""
        self._endpoints.leave_all()

    def _candidates(self, seat: Seat, now: float) -> Iterator[Endpoint]:
        first = seat.endpoint
        if now > seat.expires:
            seat.leave()
            first = None
        if first is not None and first.avoided_until > now:
            first = None
        if first is not None:
            yield first
        for endpoint in self._endpoints.order(seat, time.monotonic()):
            if endpoint is not first:
                yield endpoint

    def _ask(
        self,
        seat: Seat,
        endpoint: Endpoint,
        request: Callable[[float], bytes],
        seconds: float,
    ) -> Answer:
        exchange = seat.exchange
        if exchange is None or seat.endpoint is not endpoint:
            until = time.monotonic() + seconds
            exchange = self._connect(seat, endpoint, seconds)
            seconds = max(until - time.monotonic(), 0.001)
        elif exchange.stale():
            raise NotSent('it closed the connection')
        answer = exchange.call(request(seconds), seconds)
        if not answer.keep:
            seat.leave()
        return answer

    def _note(
        self, seat: Seat, failure: Failed, began: float, kept: bool
    ) -> bool:
        """Remember how it went; whether a new connection may go better."""
        endpoint = seat.endpoint
        if endpoint is None:
            return False
        if isinstance(failure, _Declined):
            self._endpoints.declined(endpoint)
            return kept and seat.exchange is None
        if isinstance(failure, _Lacks):
            # Whether it is alone with that shows when another has answered.
            return False
        seat.leave()
        if kept and isinstance(failure, NotSent | NoAnswer):
            if not isinstance(failure, Slow):
                # That process is gone; there may be others, or a new one.
                self._endpoints.declined(endpoint)
                return True
        self._endpoints.failed(endpoint, began, str(failure))
        return False

    def _compare(
        self, endpoint: Endpoint, failures: _Failures, began: float
    ) -> None:
        """Avoid those who lack what this one has."""
        if endpoint.failures:
            self._endpoints.worked(endpoint)
        for other, failure in failures:
            if isinstance(failure, _Lacks):
                self._endpoints.failed(other, began, str(failure))

    def _connect(
        self, seat: Seat, endpoint: Endpoint, seconds: float
    ) -> Exchange:
        seat.leave()
        seat.endpoint = endpoint
        seat.exchange = exchange = Exchange(
            endpoint.address, min(self._connect_timeout, seconds), self._tls
        )
        age = self._endpoints.varied(self._max_age)
        seat.expires = time.monotonic() + age
        return exchange


def _may_be_executed(
    failure: Failed, in_doubt: Callable[[], object] | None
) -> bool:
    if failure.executed and in_doubt is not None:
        in_doubt()
    return failure.executed


def _check(answer: Answer, refused: _Refused, lacking: Lacking | None) -> None:
    """Raise Failed unless it is a real answer."""
    if answer.status == 200:
        if refused(answer.body):
            raise _Refuses(_said(answer))
        if lacking is not None and (why := lacking(answer.body)):
            raise _Lacks(why, answer.body)
    elif answer.status == 503 and refused(answer.body):
        raise _Declined(wire.refusal(answer.body) or _said(answer))
    elif answer.status == 413:
        raise errors.PayloadTooLarge()
    elif 400 <= answer.status < 500:
        raise _Refuses(f'HTTP {answer.status}: {_said(answer)}')
    else:
        # Some proxy's, if it is not a failure of ours.
        raise NoAnswer(f'HTTP {answer.status}: {_said(answer)}')


def _said(answer: Answer) -> str:
    return ' '.join(answer.body.decode('utf-8', 'replace').split())[:_LONGEST]


def _last_resort(failures: _Failures, repeatable: bool) -> bytes:
    """An answer that could be better, or Unanswered."""
    for _, failure in reversed(failures):
        if isinstance(failure, _Lacks):
            return failure.answer
    executed = any(failure.executed for _, failure in failures)
    causes = dict(failures)
    line = 'no conductor answers: ' + '; '.join(
        f'{endpoint}: {cause}' for endpoint, cause in causes.items()
    )
    if executed and not repeatable:
        line += ' (the request may have been executed)'
    raise Unanswered(line, executed)
