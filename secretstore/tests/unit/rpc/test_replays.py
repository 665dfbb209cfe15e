# SPDX-License-Identifier: Apache-2.0
import threading
import unittest

from hypothesis import given
from hypothesis import strategies as st

from secretstore.rpc.refusals import Cause, Refusals, Refused
from secretstore.rpc.replays import Replays, Seen


class ReplaysTest(unittest.TestCase):
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 30), st.integers(-100, 100), st.integers(0, 40)
            ),
            max_size=60,
        )
    )
    def test_as_one_that_remembers_all(
        self, steps: list[tuple[int, int, int]]
    ) -> None:
        replays, seen, now = Replays(100, 1000), set(), 10_000
        for number, skew, pause in steps:
            now += pause
            sent = now + skew
            # The same request always has the same time in it.
            key = f'{number}-{sent}'
            expected = Seen.BEFORE if key in seen else Seen.NEVER
            self.assertIs(expected, replays.add(key, sent, now))
            seen.add(key)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([0, 10, 50, 110, 210]),
                st.sampled_from([0, 50, 150, 1000, 100_000]),
                st.sampled_from([-100, 0, 100]),
                st.integers(0, 3),
            ),
            max_size=40,
        )
    )
    def test_none_is_new_twice_however_the_clock_jumps(
        self, steps: list[tuple[int, int, int, int]]
    ) -> None:
        """It may be ahead, by something else each time, and be set back."""
        passed, requests, new = 0, [], set()
        replays = Replays(100, 1000, lambda: passed / 1000)
        for pause, ahead, skew, again in steps:
            passed += pause
            now = 10_000 + passed + ahead
            # Callers' clocks are right, but for the window.
            requests.append((f'{len(requests)}', 10_000 + passed + skew))
            for name, sent in (requests[-1], requests[-1 - again :][0]):
                if abs(now - sent) > 100:
                    continue
                if replays.add(name, sent, now) is Seen.NEVER:
                    self.assertNotIn(name, new)
                    new.add(name)

    def test_what_was_forgotten_is_never_new_again(self) -> None:
        """Of a caller whose clock is a window ahead, at worst."""
        passed, start, sent = 0, 10_000, 10_100
        replays = Replays(100, 1000, lambda: passed / 1000)
        self.assertIs(Seen.NEVER, replays.add('it', sent, start))
        self.assertIs(Seen.NEVER, replays.add('ahead', 99_000, 99_000))
        found = []
        for passed in range(400):
            now = start + passed
            if abs(now - sent) <= 100:
                found.append(replays.add('it', sent, now))
        self.assertEqual({Seen.FORGOTTEN}, set(found))
        self.assertIs(Seen.NEVER, replays.add('other', now, now))

    def test_of_many_threads_one_is_the_first(self) -> None:
        replays, start = Replays(60_000, 10_000), threading.Barrier(8)
        firsts: list[str] = []

        def work() -> None:
            start.wait()
            for number in range(500):
                if replays.add(str(number), 1000, 1000) is Seen.NEVER:
                    firsts.append(str(number))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(500, len(firsts))
        self.assertEqual(500, len(set(firsts)))

    def test_what_is_too_old_takes_no_room(self) -> None:
        replays = Replays(1000, 100)
        for now in range(0, 100_000, 25):
            self.assertIs(Seen.NEVER, replays.add(str(now), now, now), now)


class RefusalsTest(unittest.TestCase):
    def test_each_is_counted_and_few_are_logged(self) -> None:
        refusals = Refusals()
        with self.assertLogs('secretstore.rpc.refusals') as logs:
            for _ in range(100):
                refusals.note('it', Refused(Cause.REPLAY))
            refusals.note('that', Refused(Cause.WRONG_KEY, key='abc'))
        counts = refusals.counts()
        self.assertEqual(100, counts[Cause.REPLAY])
        self.assertEqual(1, counts[Cause.WRONG_KEY])
        self.assertEqual(0, counts[Cause.CHANGED])
        self.assertEqual(2, len(logs.output), logs.output)
        self.assertIn(
            'Refused that: it is sealed with key abc', logs.output[1]
        )
