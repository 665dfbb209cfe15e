# SPDX-License-Identifier: Apache-2.0
import os
import queue
import threading
import unittest
from unittest import mock

from secretstore.conductor.workers import Workers

SECONDS = 30.0


class TestWorkers(unittest.TestCase):
    def test_jobs_are_done(self) -> None:
        workers = Workers('test', 2)
        done: list[int] = []
        events = [
            workers.submit(str(number), lambda n=number: done.append(n))
            for number in range(20)
        ]
        for event in events:
            self.assertTrue(event.wait(SECONDS))
        self.assertEqual(list(range(20)), sorted(done))
        self.assertEqual(0, workers.count())

    def test_as_many_at_a_time_as_there_are_threads(self) -> None:
        workers = Workers('test', 3)
        together = threading.Barrier(3)
        events = [
            workers.submit(str(number), lambda: together.wait(SECONDS))
            for number in range(3)
        ]
        for event in events:
            self.assertTrue(event.wait(SECONDS))
        self.assertFalse(together.broken)

    def test_what_is_known_is_not_done_twice(self) -> None:
        workers = Workers('test', 1)
        go_on = threading.Event()
        done: list[str] = []
        blocked = workers.submit('first', lambda: go_on.wait(SECONDS))
        waiting = workers.submit('second', lambda: done.append('second'))
        again = workers.submit('second', lambda: done.append('again'))
        self.assertIs(waiting, again)
        self.assertIs(
            blocked, workers.submit('first', lambda: done.append('first'))
        )
        self.assertEqual(2, workers.count())
        go_on.set()
        self.assertTrue(waiting.wait(SECONDS))
        self.assertEqual(['second'], done)
        # Now it is new.
        later = workers.submit('second', lambda: done.append('later'))
        self.assertTrue(later.wait(SECONDS))
        self.assertEqual(['second', 'later'], done)

    def test_one_that_fails_ends_too(self) -> None:
        workers = Workers('test', 1)

        def fail() -> None:
            raise ValueError('a payload')

        with self.assertLogs('secretstore.conductor.workers') as logs:
            self.assertTrue(workers.submit('one', fail).wait(SECONDS))
        self.assertIn('one failed: ValueError', logs.output[0])
        self.assertNotIn('a payload', logs.output[0])
        self.assertTrue(workers.submit('two', lambda: None).wait(SECONDS))

    def test_one_may_wait_while_a_thread_is_free(self) -> None:
        workers = Workers('test', 2)
        with workers.permit() as first, workers.permit() as second:
            with workers.permit() as third:
                self.assertEqual((True, True, False), (first, second, third))
        go_on = threading.Event()
        events = [
            workers.submit(str(number), lambda: go_on.wait(SECONDS))
            for number in range(2)
        ]
        with workers.permit() as granted:
            self.assertFalse(granted)
        go_on.set()
        for event in events:
            self.assertTrue(event.wait(SECONDS))
        with workers.permit() as granted:
            self.assertTrue(granted)

    def test_what_comes_between(self) -> None:
        rooms: queue.SimpleQueue[int] = queue.SimpleQueue()
        workers = Workers('test', 1, lambda: rooms.put(workers.room()))
        workers.submit('one', lambda: None)
        self.assertEqual(1, rooms.get(timeout=SECONDS))

    def test_no_thread_to_be_had(self) -> None:
        workers = Workers('test', 1)
        start = mock.patch.object(
            threading.Thread, 'start', side_effect=RuntimeError
        )
        for _ in range(2):
            with start, self.assertRaises(RuntimeError):
                workers.submit('one', lambda: None)
            self.assertEqual((0, 1), (workers.count(), workers.room()))
        done: list[str] = []
        event = workers.submit('one', lambda: done.append('now'))
        self.assertTrue(event.wait(SECONDS))
        self.assertEqual(['now'], done)

    def test_a_forked_process_has_its_own(self) -> None:
        workers = Workers('test', 1)
        go_on = threading.Event()
        blocked = workers.submit('one', lambda: go_on.wait(SECONDS))
        with workers.permit():
            pid = os.fork()
        if pid == 0:
            alone = workers.count() == 0
            with workers.permit() as granted:
                mine = workers.submit('one', lambda: None).wait(SECONDS)
            os._exit(0 if alone and granted and mine else 1)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        go_on.set()
        self.assertTrue(blocked.wait(SECONDS))
