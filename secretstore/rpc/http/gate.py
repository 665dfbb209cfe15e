# SPDX-License-Identifier: Apache-2.0
"""How many requests run at once, and how many may wait for that."""

import collections
import threading


class Gate:
    """Lets so many in; so many more wait, in the order in which they came.

    Thread safe.

    :ivar closed: nobody gets in any more
    """

    def __init__(self, running: int, waiting: int, patience: float) -> None:
        self._running = running
        self._free = running
        self._places = waiting
        self._patience = patience
        self._lock = threading.Lock()
        # Each waits for its own lock, which whoever lets it in releases.
        self._queue: collections.deque[_Waiter] = collections.deque()
        self.closed = False

    @property
    def inside(self) -> int:
        """How many are in."""
        with self._lock:
            return self._running - self._free

    def enter(self) -> bool:
        """Whether the caller is in; then it must leave() again.

        It is not when too many wait, when it waited for too long, or when
        the gate is closed.
        """
        with self._lock:
            if self.closed:
                return False
            if self._free:
                self._free -= 1
                return True
            if len(self._queue) >= self._places:
                return False
            waiter = _Waiter()
            self._queue.append(waiter)
        if not waiter.wait(self._patience):
            with self._lock:
                # It may have been let in just now.
                if waiter in self._queue:
                    self._queue.remove(waiter)
        return waiter.entered

    def leave(self) -> None:
        """Let the next one in."""
        with self._lock:
            if self._queue:
                self._queue.popleft().let(True)
            else:
                self._free += 1

    def close(self) -> None:
        """Let nobody in any more, not those who wait either."""
        with self._lock:
            self.closed = True
            while self._queue:
                self._queue.popleft().let(False)


class _Waiter:
    __slots__ = ('_lock', 'entered')

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.entered = False

    def wait(self, seconds: float) -> bool:
        return self._lock.acquire(timeout=seconds)

    def let(self, entered: bool) -> None:
        self.entered = entered
        self._lock.release()
