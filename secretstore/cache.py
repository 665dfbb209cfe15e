# SPDX-License-Identifier: Apache-2.0
"""Remember what was expensive to find out, for a bounded time."""

from collections.abc import Callable, Hashable
from concurrent import futures
import threading
from typing import Generic, NamedTuple, TypeVar

K = TypeVar('K', bound=Hashable)
V = TypeVar('V')


class _Entry(NamedTuple, Generic[V]):
    value: V
    expires: float


class TtlCache(Generic[K, V]):
    """Values by key, each kept ``ttl`` seconds and at most ``size`` of them.

    Thread safe.  Of several threads that miss the same key at once, one
    loads and the others wait for what it gets, value or error.  Errors are
    not kept.  A hit takes no lock, and no load runs under it, so a slow
    load delays nobody who wants another key.  A load must not ask this
    cache for the key it is loading.

    An entry's time runs from before its load, so a value is never served
    more than ``ttl`` seconds after it was true.  When full, the entry
    loaded first makes room.  Expired entries go when another is stored.
    """

    def __init__(
        self,
        ttl: float,
        size: int,
        clock: Callable[[], float],
        looked_up: Callable[[bool], None] | None = None,
    ) -> None:
        """Make an empty cache.

        :param looked_up: called at each get() with whether the value was
            there
        """
        self._ttl = ttl
        self._size = size
        self._clock = clock
        self._looked_up = looked_up or _nobody_counts
        self._lock = threading.Lock()
        self._entries: dict[K, _Entry[V]] = {}
        self._loads: dict[K, futures.Future[V]] = {}

    def get(self, key: K, load: Callable[[], V]) -> V:
        """The value of ``key``, from ``load()`` if there is none yet."""
        # One dict lookup is atomic: the lock would only make 64 readers
        # queue for what none of them changes.
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry.expires:
            self._looked_up(True)
            return entry.value
        self._looked_up(False)
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and self._clock() < entry.expires:
                return entry.value
            running = self._loads.get(key)
            if running is None:
                mine = self._loads[key] = futures.Future()
        if running is not None:
            return running.result()
        return self._run(key, load, mine)

    def invalidate(self, key: K) -> None:
        """Forget ``key``; a load that is under way is not kept either."""
        with self._lock:
            dropped = self._entries.pop(key, None)
            self._loads.pop(key, None)
        del dropped  # released after the lock, as in _finish

    def clear(self) -> None:
        """Forget everything; loads that are under way are not kept."""
        with self._lock:
            dropped, self._entries = self._entries, {}
            self._loads = {}
        del dropped  # released after the lock, as in _finish

    def _run(
        self, key: K, load: Callable[[], V], mine: futures.Future[V]
    ) -> V:
        expires = self._clock() + self._ttl
        try:
            value = load()
        except BaseException as exc:
            self._finish(key, mine, None)
            mine.set_exception(exc)
            raise
        self._finish(key, mine, _Entry(value, expires))
        mine.set_result(value)
        return value

    def _finish(
        self, key: K, mine: futures.Future[V], entry: _Entry[V] | None
    ) -> None:
        """Store the entry, unless the key was invalidated meanwhile."""
        dropped: list[_Entry[V] | None] = []
        with self._lock:
            if self._loads.get(key) is not mine:
                return
            del self._loads[key]
            # Out and in again, so that insertion order is load order.
            dropped.append(self._entries.pop(key, None))
            if entry is not None and self._clock() < entry.expires:
                self._entries[key] = entry
                self._make_room(dropped)
        # Values are released here, after the lock: what a value does when
        # it goes away must not run under it.
        dropped.clear()

    def _make_room(self, dropped: list[_Entry[V] | None]) -> None:
        now = self._clock()
        while self._entries:
            oldest = next(iter(self._entries))
            full = len(self._entries) > self._size
            if not full and now < self._entries[oldest].expires:
                return
            dropped.append(self._entries.pop(oldest))


def _nobody_counts(hit: bool) -> None:
    pass
