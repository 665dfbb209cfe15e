# SPDX-License-Identifier: Apache-2.0
"""A few threads for work that takes longer than a request should."""

from collections.abc import Callable
import os
import queue
import threading
from typing import NamedTuple

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

Job = Callable[[], None]


class _Task(NamedTuple):
    key: str
    job: Job
    done: threading.Event


class _Process:
    """What belongs to one process: threads do not survive a fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self.tasks: dict[str, _Task] = {}
        self.threads = 0


class Workers:
    """Do jobs in the order they come, several at a time.

    Thread safe.  Threads start with the first job and end with the process;
    they keep none alive, so a job must be one that may be interrupted.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._process = _Process()

    def submit(self, key: str, job: Job) -> threading.Event:
        """The event that is set when *job* has ended, however it did.

        A job whose *key* is known already is not done twice.
        """
        own = self._own()
        with own.lock:
            known = own.tasks.get(key)
            if known is not None:
                return known.done
            task = own.tasks[key] = _Task(key, job, threading.Event())
            own.waiting.put(task)
            if own.threads < min(self._count, len(own.tasks)):
                threading.Thread(
                    target=_work, args=(own,), name=self._name, daemon=True
                ).start()
                own.threads += 1
        return task.done

    def count(self) -> int:
        """How many jobs wait or are being done."""
        return len(self._own().tasks)

    def _own(self) -> _Process:
        own = self._process
        if own.pid != os.getpid():
            own = self._process = _Process()
        return own


def _work(own: _Process) -> None:
    while True:
        task = own.waiting.get()
        try:
            task.job()
        except Exception as error:
            LOG.error('%s failed: %s', task.key, type(error).__name__)
            LOG.debug('%s failed', task.key, exc_info=True)
        with own.lock:
            del own.tasks[task.key]
        task.done.set()
