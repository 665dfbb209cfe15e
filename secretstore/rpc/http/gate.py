# SPDX-License-Identifier: Apache-2.0
"""How many requests run at once, and how many may wait for that."""

import collections
import enum
import threading
import time

from secretstore.metrics import record


class Turn(enum.Enum):
    """What came of asking to be let in."""

    AT_ONCE = enum.auto()
    AFTER_WAITING = enum.auto()
    # Not let in: too many wait, it waited for too long, or it is closed.
    FULL = enum.auto()
    OVER = enum.auto()
    CLOSED = enum.auto()


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

    @property
    def waiting(self) -> int:
        """How many wait to be let in."""
        with self._lock:
            return len(self._queue)

    def enter(self) -> Turn:
        """Ask to be let in; who is in must leave() again."""
        with self._lock:
            if self.closed:
                return Turn.CLOSED
            if self._free:
                self._free -= 1
                return Turn.AT_ONCE
            if len(self._queue) >= self._places:
                return Turn.FULL
            waiter = _Waiter()
            self._queue.append(waiter)
        began = time.monotonic()
        if not waiter.wait(self._patience):
            with self._lock:
                # It may have been let in just now.
                if waiter in self._queue:
                    self._queue.remove(waiter)
        record.rpc_wait(time.monotonic() - began)
        return waiter.turn

    def leave(self) -> None:
        """Let the next one in."""
        with self._lock:
            if self._queue:
                self._queue.popleft().let(Turn.AFTER_WAITING)
            else:
                self._free += 1

    def close(self) -> None:
        """Let nobody in any more, not those who wait either."""
        with self._lock:
            self.closed = True
            while self._queue:
                self._queue.popleft().let(Turn.CLOSED)


class _Waiter:
    __slots__ = ('_lock', 'turn')

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.turn = Turn.OVER

    def wait(self, seconds: float) -> bool:
        return self._lock.acquire(timeout=seconds)

    def let(self, turn: Turn) -> None:
        self.turn = turn
        self._lock.release()
