# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from concurrent import futures
import threading
import unittest

from secretstore import cache

WAIT = 30


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Base(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.loads: list[str] = []
        self.cache = self.build(ttl=10, size=3)

    def build(self, ttl: float, size: int) -> cache.TtlCache[str, str]:
        return cache.TtlCache(ttl, size, self.clock)

    def get(self, key: str) -> str:
        def load() -> str:
            self.loads.append(key)
            return key.upper()

        return self.cache.get(key, load)


class TtlCacheTest(Base):
    def test_loads_once(self) -> None:
        self.assertEqual(['A', 'A'], [self.get('a'), self.get('a')])
        self.assertEqual(['a'], self.loads)

    def test_tells_hits_and_misses(self) -> None:
        found: list[bool] = []
        self.cache = cache.TtlCache(10, 3, self.clock, found.append)
        for key in 'aaba':
            self.get(key)
        self.clock.now += 10
        self.get('a')
        self.assertEqual([False, True, False, True, False], found)

    def test_none_is_a_value(self) -> None:
        nothing: cache.TtlCache[str, None] = cache.TtlCache(10, 3, self.clock)
        nothing.get('a', lambda: None)
        self.assertIsNone(nothing.get('a', lambda: self.fail('loaded twice')))

    def test_expires(self) -> None:
        self.get('a')
        self.clock.now += 9.9
        self.get('a')
        self.assertEqual(['a'], self.loads)
        self.clock.now += 0.1
        self.get('a')
        self.assertEqual(['a', 'a'], self.loads)

    def test_age_counts_from_before_the_load(self) -> None:
        def slow() -> str:
            self.clock.now += 6
            return 'A'

        self.cache.get('a', slow)
        self.clock.now += 4
        self.get('a')
        self.assertEqual(['a'], self.loads)

    def test_a_ttl_of_zero_keeps_nothing(self) -> None:
        self.cache = self.build(ttl=0, size=3)
        self.get('a')
        self.get('a')
        self.assertEqual(['a', 'a'], self.loads)

    def test_the_oldest_makes_room(self) -> None:
        for key in 'abcd':
            self.get(key)
        for key in 'dcb':
            self.get(key)
        self.assertEqual(list('abcd'), self.loads)
        self.get('a')
        self.assertEqual(list('abcda'), self.loads)

    def test_a_reload_counts_as_new(self) -> None:
        self.get('a')
        self.clock.now += 5
        self.get('b')
        self.clock.now += 5
        for key in 'acd':
            self.get(key)
        self.clock.now += 4
        self.loads.clear()
        for key in 'acd':
            self.get(key)
        self.assertEqual([], self.loads)

    def test_invalidate(self) -> None:
        self.get('a')
        self.get('b')
        self.cache.invalidate('a')
        self.cache.invalidate('not there')
        self.get('a')
        self.get('b')
        self.assertEqual(['a', 'b', 'a'], self.loads)

    def test_clear(self) -> None:
        self.get('a')
        self.cache.clear()
        self.get('a')
        self.assertEqual(['a', 'a'], self.loads)

    def test_errors_are_not_kept(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            self.cache.get('a', lambda: str(1 // 0))
        self.assertEqual('A', self.get('a'))

    def test_dropped_values_are_released_without_the_lock(self) -> None:
        seen: list[str] = []
        released: cache.TtlCache[str, object] = cache.TtlCache(
            10, 1, self.clock
        )

        class Value:
            def __del__(self) -> None:
                # Blocks for ever if the lock is held.
                released.invalidate('anything')
                seen.append('released')

        released.get('a', Value)
        released.get('b', Value)
        self.assertEqual(1, len(seen))
        released.invalidate('b')
        self.assertEqual(2, len(seen))
        released.get('c', Value)
        released.clear()
        self.assertEqual(3, len(seen))


class ThreadsTest(Base):
    def setUp(self) -> None:
        super().setUp()
        self.pool = futures.ThreadPoolExecutor(64)
        self.addCleanup(self.pool.shutdown)
        self.inside = threading.Event()
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)

    def held(self, result: Callable[[], str]) -> Callable[[], str]:
        """A load that waits until it is let go."""

        def load() -> str:
            self.loads.append('held')
            self.inside.set()
            self.go_on.wait(WAIT)
            return result()

        return load

    def ask(
        self, number: int, load: Callable[[], str]
    ) -> list[futures.Future[str]]:
        asked = [
            self.pool.submit(self.cache.get, 'a', load) for _ in range(number)
        ]
        self.assertTrue(self.inside.wait(WAIT))
        return asked

    def test_64_misses_are_one_load(self) -> None:
        asked = self.ask(64, self.held(lambda: 'A'))
        self.go_on.set()
        self.assertEqual(['A'] * 64, [each.result(WAIT) for each in asked])
        self.assertEqual(['held'], self.loads)

    def test_waiters_get_the_error(self) -> None:
        asked = self.ask(2, self.held(lambda: str(1 // 0)))
        self.go_on.set()
        for each in asked:
            self.assertIsInstance(each.exception(WAIT), ZeroDivisionError)
        self.assertEqual('A', self.get('a'))

    def test_a_slow_load_delays_nobody_else(self) -> None:
        self.get('b')
        (asked,) = self.ask(1, self.held(lambda: 'A'))
        self.assertEqual('B', self.pool.submit(self.get, 'b').result(WAIT))
        self.assertEqual('C', self.pool.submit(self.get, 'c').result(WAIT))
        self.assertFalse(asked.done())

    def test_invalidated_while_loading(self) -> None:
        for forget in (lambda: self.cache.invalidate('a'), self.cache.clear):
            self.inside.clear()
            self.go_on.clear()
            (asked,) = self.ask(1, self.held(lambda: 'stale'))
            forget()
            # Does not wait for the load that started before.
            fresh = self.pool.submit(self.get, 'a')
            self.assertEqual('A', fresh.result(WAIT))
            self.go_on.set()
            self.assertEqual('stale', asked.result(WAIT))
            self.assertEqual('A', self.get('a'))
            self.cache.clear()

    def test_mixed_load(self) -> None:
        """64 threads, few places, everything expiring: values stay right."""

        def work(number: int) -> bool:
            for turn in range(300):
                key = 'abcdefgh'[(number + turn) % 8]
                if self.get(key) != key.upper():
                    return False
                if turn % 50 == 0:
                    self.cache.invalidate(key)
                self.clock.now += 0.1
            return True

        self.assertEqual([True] * 64, list(self.pool.map(work, range(64))))
        self.assertLessEqual(len(self.cache._entries), 3)
        self.assertEqual({}, self.cache._loads)
