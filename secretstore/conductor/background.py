# SPDX-License-Identifier: Apache-2.0
"""What a conductor does by itself, beside the requests: one thread."""

from collections.abc import Callable, Sequence
import os
import random
import threading
import time
from typing import NamedTuple

from oslo_log import log as logging

from secretstore import threads

LOG = logging.getLogger(__name__)

THREAD_NAME = 'secretstore-background'
_JITTER = 0.2


class Task(NamedTuple):
    """Something to do about every so many seconds.

    run() may return the seconds after which to run it again this time.  One
    that has much to do does a part of it and returns, so that the others
    get their turn and stop() need not wait for long.  It must not keep a
    database connection from one run to the next.
    """

    name: str
    seconds: float
    run: Callable[[], float | None]


class Background:
    """A thread that runs tasks, one at a time, until it is stopped.

    Intervals vary by a fifth, and begin anywhere, so that processes started
    together do not ask the database together.  A task that fails is logged
    and runs again at its next time.

    Thread safe.  A process forked from one where it runs gets a thread of
    its own; the thread ends with the process and keeps none alive.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        clock: Callable[[], float] = time.monotonic,
        between: Callable[[float, float], float] = random.uniform,  # noqa: S311
    ) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._clock = clock
        self._between = between
        self._changed = threading.Condition()
        self._due: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def start(self) -> None:
        """Begin; nothing happens when it runs already."""
        with self._changed:
            if self._thread is not None:
                return
            now = self._clock()
            for task in self._tasks.values():
                due = now + self._between(0, task.seconds)
                # One that was woken before is due at once.
                self._due.setdefault(task.name, due)
            self._thread = threading.Thread(
                target=self._work, name=THREAD_NAME, daemon=True
            )
            threads.start(self._thread)
        _started.add(self)

    def stop(self) -> None:
        """Return when no task runs any more and none will be begun."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._due.clear()
            self._changed.notify_all()
        _started.discard(self)
        if thread is not None:
            thread.join()

    def wake(self, name: str) -> None:
        """Run a task as soon as possible, once more if it runs just now."""
        task = self._tasks[name]
        if self._pid != os.getpid():
            # Some servers fork without telling Python.
            self._restart()
        with self._changed:
            self._due[task.name] = self._clock()
            self._changed.notify_all()

    def run_due(self) -> bool:
        """Run the task that has been due longest; False if none is."""
        with self._changed:
            rest = self._rest()
            if rest is None or rest > 0:
                return False
            task = self._tasks[self._next()]
            self._due[task.name] = self._clock() + self._varied(task.seconds)
        again = _run(task)
        with self._changed:
            if again is not None and task.name in self._due:
                due = self._clock() + again
                self._due[task.name] = min(due, self._due[task.name])
        return True

    def _work(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            if not self.run_due():
                self._wait(me)

    def _wait(self, me: threading.Thread) -> None:
        with self._changed:
            rest = self._rest()
            if self._thread is me and (rest is None or rest > 0):
                self._changed.wait(rest)

    def _next(self) -> str:
        return min(self._due, key=self._due.__getitem__)

    def _rest(self) -> float | None:
        if not self._due:
            return None
        return self._due[self._next()] - self._clock()

    def _varied(self, seconds: float) -> float:
        return seconds * self._between(1 - _JITTER, 1 + _JITTER)

    def _restart(self) -> None:
        """In a forked child, where no other thread holds what it held."""
        self._changed = threading.Condition()
        self._due = {}
        self._pid = os.getpid()
        if self._thread is not None:
            self._thread = None
            self.start()


def _run(task: Task) -> float | None:
    try:
        return task.run()
    except Exception as error:
        LOG.error(
            'Background task %s failed: %s: %s',
            task.name,
            type(error).__name__,
            ' '.join(str(error).split()),
        )
        LOG.debug('Background task %s failed', task.name, exc_info=True)
        return None


# No weak references: after a fork, nothing else may hold them.
_started: set[Background] = set()


def _restart_all() -> None:
    for background in list(_started):
        background._restart()


os.register_at_fork(after_in_child=_restart_all)
