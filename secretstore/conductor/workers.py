# SPDX-License-Identifier: Apache-2.0
"""A few threads for work that takes longer than a request should."""

from collections.abc import Callable, Iterator
import contextlib
import os
import queue
import threading
from typing import NamedTuple

from oslo_log import log as logging

from secretstore import threads

LOG = logging.getLogger(__name__)

Job = Callable[[], None]


class _Task(NamedTuple):
    key: str
    job: Job
    done: threading.Event


class _Process:
    """What belongs to one process: threads do not survive a fork."""

    def __init__(self, count: int) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self.tasks: dict[str, _Task] = {}
        self.threads = 0
        self.permits = threading.BoundedSemaphore(count)


class Workers:
    """Do jobs in the order they come, several at a time.

    Thread safe.  Threads start with the first job and end with the process;
    they keep none alive, so a job must be one that may be interrupted.

    :param between: what a thread does after each job, when that is no longer
        counted; it may submit more
    """

    def __init__(
        self, name: str, count: int, between: Job = lambda: None
    ) -> None:
        self._name = name
        self._count = count
        self._between = between
        self._process = _Process(count)

    def submit(self, key: str, job: Job) -> threading.Event:
        """The event that is set when *job* has ended, however it did.

        A job whose *key* is known already is not done twice.  When there is
        no thread to be had, RuntimeError is raised and nothing is kept.
        """
        own = self._own()
        with own.lock:
            known = own.tasks.get(key)
            if known is not None:
                return known.done
            # The thread first: it is what may fail.
            if own.threads < min(self._count, len(own.tasks) + 1):
                thread = threading.Thread(
                    target=self._work,
                    args=(own,),
                    name=self._name,
                    daemon=True,
                )
                threads.start(thread)
                own.threads += 1
            task = own.tasks[key] = _Task(key, job, threading.Event())
            own.waiting.put(task)
        return task.done

    @contextlib.contextmanager
    def permit(self) -> Iterator[bool]:
        """Whether one may submit a job and wait for it: a thread is free.

        Never more have a permit at a time than there are threads.
        """
        own = self._own()
        if not own.permits.acquire(blocking=False):
            yield False
            return
        try:
            yield len(own.tasks) < self._count
        finally:
            own.permits.release()

    def room(self) -> int:
        """How many jobs could begin at once."""
        return max(0, self._count - self.count())

    def count(self) -> int:
        """How many jobs wait or are being done."""
        return len(self._own().tasks)

    def _own(self) -> _Process:
        own = self._process
        if own.pid != os.getpid():
            own = self._process = _Process(self._count)
        return own

    def _work(self, own: _Process) -> None:
        while True:
            task = own.waiting.get()
            _do(task.key, task.job)
            with own.lock:
                del own.tasks[task.key]
            task.done.set()
            _do(f'What comes after {task.key}', self._between)


def _do(name: str, job: Job) -> None:
    try:
        job()
    except Exception as error:
        LOG.error('%s failed: %s', name, type(error).__name__)
        LOG.debug('%s failed', name, exc_info=True)
