# SPDX-License-Identifier: Apache-2.0
"""Which conductor to ask: all get their share, those in trouble wait."""

from collections.abc import Sequence
import logging
import os
import random
import threading
import time
import weakref

from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.exchange import Exchange

LOG = logging.getLogger(__name__)

# Seconds for which one that failed is avoided, doubled with each failure.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
# For one that said by itself that it does not take requests just now.
_SHORT_PAUSE = 0.25


class Endpoint:
    """A conductor, and what is known of its health."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.failures = 0
        self.failed_at = float('-inf')
        self.avoided_until = 0.0

    def __str__(self) -> str:
        return str(self.address)


class Seat:
    """What a thread has: the endpoint that it asks, and its connection."""

    def __init__(self) -> None:
        self.endpoint: Endpoint | None = None
        self.exchange: Exchange | None = None
        self.expires = 0.0

    def __del__(self) -> None:
        # Its thread has ended.
        self.leave()

    def keeps(self, endpoint: Endpoint) -> bool:
        """Whether there is a connection to it."""
        return self.exchange is not None and self.endpoint is endpoint

    def leave(self) -> None:
        """Close the connection."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.close()


class Endpoints:
    """All endpoints, and how many threads of this process ask each.

    Thread safe; a forked child begins anew, with the parent's connections
    left to the parent.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._endpoints = [Endpoint(address) for address in addresses]
        self._begin()

    def __len__(self) -> int:
        return len(self._endpoints)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()
        # Some servers fork without telling Python: the module's own state
        # would be the same in all processes, and so would their choice.
        self._random = random.Random()  # noqa: S311
        self._seats: weakref.WeakSet[Seat] = weakref.WeakSet()
        # Last: nobody may take the lock that another process had.
        self._pid = os.getpid()

    def seat(self) -> Seat:
        """The calling thread's."""
        if self._pid != os.getpid():
            self._begin()
        seat: Seat | None = getattr(self._local, 'seat', None)
        if seat is None:
            seat = self._local.seat = Seat()
            with self._lock:
                self._seats.add(seat)
        return seat

    def order(self, seat: Seat, now: float) -> list[Endpoint]:
        """All endpoints: first the healthy ones, of them the least used.

        One that failed is offered in the first place again when its time is
        over, to one thread: the others follow when that had success.
        """
        with self._lock:
            used = dict.fromkeys(self._endpoints, 0)
            for other in self._seats:
                if other is not seat and other.endpoint is not None:
                    used[other.endpoint] += 1

            def rank(endpoint: Endpoint) -> tuple[float, float]:
                wait = max(endpoint.avoided_until - now, 0.0)
                return wait, used[endpoint] + self._random.random()

            found = sorted(self._endpoints, key=rank)
            first = found[0]
            if first.failures:
                pause = self._pause(first)
                first.avoided_until = max(first.avoided_until, now) + pause
            if seat.exchange is None:
                # Not only when it is connected: others choose meanwhile.
                seat.endpoint = first
            return found

    def failed(self, endpoint: Endpoint, began: float, cause: str) -> None:
        """Avoid it for a while, which grows.

        Of many that fail together the first counts.

        :param began: when it was asked
        """
        now = time.monotonic()
        with self._lock:
            if began < endpoint.failed_at:
                return
            endpoint.failed_at = now
            endpoint.failures += 1
            first = endpoint.failures == 1
            endpoint.avoided_until = now + self._pause(endpoint)
        if first:
            LOG.warning('The conductor at %s fails: %s', endpoint, cause)

    def declined(self, endpoint: Endpoint) -> None:
        """Avoid it for a moment."""
        with self._lock:
            endpoint.avoided_until = max(
                endpoint.avoided_until, time.monotonic() + _SHORT_PAUSE
            )

    def worked(self, endpoint: Endpoint) -> None:
        """After this, others may use it again."""
        with self._lock:
            failures, endpoint.failures = endpoint.failures, 0
            endpoint.avoided_until = 0.0
        if failures:
            LOG.info('The conductor at %s works again', endpoint)

    def leave_all(self) -> None:
        """Close all connections, also those of other threads."""
        with self._lock:
            for seat in self._seats:
                seat.leave()

    def varied(self, seconds: float) -> float:
        """By a quarter, so that what began together does not end together."""
        return seconds * self._random.uniform(0.75, 1.25)

    def _pause(self, endpoint: Endpoint) -> float:
        doubled = min(endpoint.failures - 1, 16)
        return self.varied(min(_FIRST_PAUSE * 2.0**doubled, _LONGEST_PAUSE))
