# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path
import subprocess
import sys
import threading
import unittest

import secretstore
from secretstore.conductor.background import Background, Task

SECONDS = 10

# Exits with 0 when the task ran in the child, where nobody else knows of it.
_FORKING = """
import gc, os, sys, threading
from secretstore.conductor.background import Background, Task

parent = os.getpid()
ran = threading.Event()

def note():
    if os.getpid() != parent:
        ran.set()

Background([Task('often', 0.001, note)]).start()
pid = os.fork()
if pid == 0:
    gc.collect()
    os._exit(0 if ran.wait(10) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def middle(low: float, high: float) -> float:
    return (low + high) / 2


class TimesTest(unittest.TestCase):
    """Which task is due when, on a clock of the test's own."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.ran: list[str] = []
        self.again: float | None = None

    def task(self, name: str, seconds: float) -> Task:
        def run() -> float | None:
            self.ran.append(name)
            return self.again

        return Task(name, seconds, run)

    def made(self, *tasks: Task) -> Background:
        background = Background(tasks, self.clock, middle)
        # What start() does but for the thread.
        for task in tasks:
            background.wake(task.name)
        while background.run_due():
            pass
        self.ran.clear()
        return background

    def after(self, background: Background, seconds: float) -> list[str]:
        self.clock.now += seconds
        self.ran.clear()
        while background.run_due():
            pass
        return self.ran

    def test_each_at_its_interval(self) -> None:
        background = self.made(self.task('a', 10), self.task('b', 25))
        self.assertEqual([], self.after(background, 9))
        self.assertEqual(['a'], self.after(background, 1))
        self.assertEqual(['a'], self.after(background, 10))
        # Both are late: the one that waits longer comes first.
        self.assertEqual(['b', 'a'], self.after(background, 15))

    def test_more_to_do(self) -> None:
        background = self.made(self.task('a', 10))
        self.assertEqual(['a'], self.after(background, 10))
        self.again = 2
        self.assertEqual(['a'], self.after(background, 10))
        self.assertEqual(['a'], self.after(background, 2))
        self.again = None
        self.assertEqual(['a'], self.after(background, 2))
        self.assertEqual([], self.after(background, 9))

    def test_others_get_their_turn(self) -> None:
        ran: list[str] = []

        def busy() -> float:
            ran.append('busy')
            self.clock.now += 1
            return 0

        def other() -> None:
            ran.append('other')

        background = Background(
            [Task('busy', 60, busy), Task('other', 3, other)],
            self.clock,
            middle,
        )
        background.wake('busy')
        background.wake('other')
        for _ in range(9):
            background.run_due()
        self.assertEqual(['busy', 'other'], ran[:2])
        self.assertEqual(2, ran.count('other'))

    def test_a_task_that_fails(self) -> None:
        def fail() -> None:
            self.ran.append('fail')
            raise OSError('no\nluck')

        with self.assertLogs('secretstore', 'ERROR'):
            background = self.made(Task('fail', 10, fail), self.task('b', 10))
        with self.assertLogs('secretstore', 'ERROR') as logged:
            self.assertEqual(['fail', 'b'], self.after(background, 10))
        self.assertEqual(
            ['Background task fail failed: OSError: no luck'],
            [record.getMessage() for record in logged.records],
        )
        with self.assertLogs('secretstore', 'ERROR'):
            self.assertEqual(['fail', 'b'], self.after(background, 10))

    def test_a_name_that_is_not_known(self) -> None:
        self.assertRaises(KeyError, self.made().wake, 'nope')


class ThreadTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ran = threading.Semaphore(0)

    def started(self, *tasks: Task) -> Background:
        background = Background(tasks)
        self.addCleanup(background.stop)
        background.start()
        return background

    def assert_ran(self) -> None:
        self.assertTrue(self.ran.acquire(timeout=SECONDS))

    def note(self) -> None:
        self.ran.release()

    def test_again_and_again(self) -> None:
        self.started(Task('often', 0.001, self.note))
        for _ in range(5):
            self.assert_ran()

    def test_woken(self) -> None:
        background = self.started(Task('rare', 1e6, self.note))
        for _ in range(3):
            background.wake('rare')
            self.assert_ran()

    def test_woken_before_the_start(self) -> None:
        background = Background([Task('rare', 1e6, self.note)])
        self.addCleanup(background.stop)
        background.wake('rare')
        background.start()
        self.assert_ran()

    def test_woken_while_it_runs(self) -> None:
        go_on = threading.Event()

        def wait() -> None:
            self.ran.release()
            go_on.wait(SECONDS)

        background = self.started(Task('slow', 1e6, wait))
        background.wake('slow')
        self.assert_ran()
        background.wake('slow')
        go_on.set()
        self.assert_ran()

    def test_started_twice(self) -> None:
        background = self.started(Task('rare', 1e6, self.note))
        count = threading.active_count()
        background.start()
        self.assertEqual(count, threading.active_count())

    def test_stop_waits_for_the_task_and_no_longer(self) -> None:
        go_on = threading.Event()
        done = threading.Event()

        def slow() -> float:
            self.ran.release()
            go_on.wait(SECONDS)
            done.set()
            return 0

        background = self.started(Task('slow', 1e6, slow))
        background.wake('slow')
        self.assert_ran()
        stopping = threading.Thread(target=background.stop)
        stopping.start()
        self.assertFalse(done.is_set())
        go_on.set()
        stopping.join(SECONDS)
        self.assertTrue(done.is_set())
        self.assertFalse(self.ran.acquire(blocking=False))

    def test_started_again_after_a_stop(self) -> None:
        background = self.started(Task('rare', 1e6, self.note))
        background.stop()
        background.stop()
        background.start()
        background.wake('rare')
        self.assert_ran()

    def test_without_tasks(self) -> None:
        self.started().stop()

    def test_a_forked_process_has_a_thread_of_its_own(self) -> None:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', _FORKING],
            cwd=Path(secretstore.__file__).parents[1],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
