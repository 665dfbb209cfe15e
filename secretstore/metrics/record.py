# SPDX-License-Identifier: Apache-2.0
"""Counts what happens; called from everywhere, as logging is.

What a process counts belongs to the process, like its log, so this is not
passed around.  Nothing is counted, at next to no cost, before
:func:`secretstore.metrics.start.start`.  All functions are thread safe, and
none takes a name, an id or anything else that callers choose: each label
has a few values that are known beforehand.
"""

import time
from types import TracebackType
from typing import NamedTuple

from secretstore.metrics.instruments import Instruments, Timing

OK = 'ok'
INTERNAL = 'internal'
_ERRORS = 'secretstore.errors'


class _Process:
    """What this process counts with; None while it does not count."""

    instruments: Instruments | None = None


class Orders(NamedTuple):
    """How many orders there are by state, and how old the oldest is."""

    counts: dict[str, int]
    oldest_pending_seconds: float


def turn_on(instruments: Instruments | None) -> None:
    """Count with these from now on; None: no longer."""
    _Process.instruments = instruments


def request(method: str, route: str, status: str, seconds: float) -> None:
    """An answer of the REST API.

    :param route: the path as the URL table has it, never that of the caller
    :param status: the class of the status, such as ``2xx``
    """
    if instruments := _Process.instruments:
        instruments.requests.of(method, route, status).observe(seconds)


def key_lookup(hit: bool) -> None:
    """A project key was needed, and found in the cache or not."""
    if instruments := _Process.instruments:
        instruments.key_lookups.of('hit' if hit else 'miss').inc()


def database_retry(cause: str) -> None:
    """An operation on the database is tried again."""
    if instruments := _Process.instruments:
        instruments.database_retries.of(cause).inc()


def database_failure() -> None:
    """An operation on the database was given up."""
    if instruments := _Process.instruments:
        instruments.database_failures.inc()


def rpc_refusal(cause: str) -> None:
    """A message between API and conductor was refused."""
    if instruments := _Process.instruments:
        instruments.rpc_refusals.of(cause).inc()


def rpc_wait(seconds: float) -> None:
    """A request waited so long until it was executed, or turned away."""
    if instruments := _Process.instruments:
        instruments.rpc_waits.observe(seconds)


def rpc_turned_away(cause: str) -> None:
    """A conductor had no room for a request."""
    if instruments := _Process.instruments:
        instruments.rpc_turned_away.of(cause).inc()


def orders(found: Orders) -> None:
    """What is in the database at this moment."""
    if instruments := _Process.instruments:
        for state, count in found.counts.items():
            instruments.orders.of(state).set(count)
        instruments.oldest_order.set(found.oldest_pending_seconds)
        instruments.orders_counted.set_to_current_time()


def strategy_call(strategy: str, operation: str) -> '_Timed':
    """A context manager around one call of a security strategy.

    :param strategy: its name in the configuration
    """
    instruments = _Process.instruments
    timing = instruments.strategy_calls if instruments else None
    return _Timed(timing, strategy, operation)


def rpc_client_call(method: str) -> '_Timed':
    """A context manager around a call of a conductor, in who calls.

    :param method: ``resource.method`` as in the interface
    """
    instruments = _Process.instruments
    return _Timed(
        instruments.rpc_client_calls if instruments else None, method
    )


def rpc_server_call(method: str) -> '_Timed':
    """A context manager around a call of a conductor, in the conductor.

    :param method: ``resource.method``, once it is known that there is one
    """
    instruments = _Process.instruments
    return _Timed(
        instruments.rpc_server_calls if instruments else None, method
    )


class _Timed:
    """Observes how long its block takes and what it raises."""

    __slots__ = ('_began', '_labels', '_timing')

    def __init__(self, timing: Timing | None, *labels: str) -> None:
        self._timing = timing
        self._labels = labels
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timing is not None:
            took = time.perf_counter() - self._began
            self._timing.of(*self._labels, outcome(kind)).observe(took)


def outcome(kind: type[BaseException] | None) -> str:
    """What a call ended with: ``ok``, or the name of an error of ours."""
    if kind is None:
        return OK
    for known in kind.__mro__:
        if known.__module__ == _ERRORS:
            return known.__name__
    return INTERNAL
