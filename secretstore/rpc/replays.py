# SPDX-License-Identifier: Apache-2.0
"""Which requests have been seen already."""

from collections.abc import Callable
import enum
import threading
import time

# Requests are forgotten by slots of time, this many in a window.
_SLOTS = 8


class Seen(enum.Enum):
    """What is known of a request."""

    NEVER = enum.auto()
    BEFORE = enum.auto()
    # Nobody knows any more: the clock was set back.
    FORGOTTEN = enum.auto()
    # There is no room to remember it.
    FULL = enum.auto()


class Replays:
    """The ids of the requests of a while; thread safe, bounded.

    Times are in milliseconds.  A request that was sent longer than *window*
    ago must not be asked about; nothing younger is ever forgotten.

    After the clock was set back by more than a window, requests are FORGOTTEN
    for two windows.  Those that were taken before had times at most one window
    ahead, so by then they are too old to be asked about.  This holds as long
    as the clock was not set back too far.

    :param elapsed: seconds that nobody sets
    """

    def __init__(
        self,
        window: int,
        at_most: int,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._at_most = at_most
        self._width = max(1, window // _SLOTS)
        self._slots: dict[int, set[str]] = {}
        # Everything that was sent before this slot is forgotten.
        self._first = 0
        self._elapsed = elapsed
        self._forgot_at = 0.0
        self._count = 0
        self._lock = threading.Lock()

    def add(self, request_id: str, sent: int, now: int) -> Seen:
        """Remember a request; BEFORE when it was added before."""
        slot = sent // self._width
        first = (now - self._window) // self._width
        with self._lock:
            if first > self._first:
                self._forget(first)
            elif slot < self._first and not self._begins_anew(first):
                return Seen.FORGOTTEN
            ids = self._slots.setdefault(slot, set())
            if request_id in ids:
                return Seen.BEFORE
            if self._count >= self._at_most:
                return Seen.FULL
            ids.add(request_id)
            self._count += 1
        return Seen.NEVER

    def _begins_anew(self, first: int) -> bool:
        """Whether all that was forgotten is too old by now."""
        passed = (self._elapsed() - self._forgot_at) * 1000
        if passed <= 2 * (self._window + self._width):
            return False
        self._first = first
        return True

    def _forget(self, first: int) -> None:
        self._first = first
        self._forgot_at = self._elapsed()
        for slot in [slot for slot in self._slots if slot < first]:
            self._count -= len(self._slots.pop(slot))
