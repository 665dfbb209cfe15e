# SPDX-License-Identifier: Apache-2.0
"""Which requests have been seen already."""

import enum
import threading

# Requests are forgotten by slots of time, this many in a window.
_SLOTS = 8


class Seen(enum.Enum):
    """What is known of a request."""

    NEVER = enum.auto()
    BEFORE = enum.auto()
    # There is no room to remember it.
    FULL = enum.auto()


class Replays:
    """The ids of the requests of a while; thread safe, bounded.

    Times are in milliseconds.  A request that was sent longer than *window*
    ago must not be asked about; nothing younger is ever forgotten.
    """

    def __init__(self, window: int, at_most: int) -> None:
        self._window = window
        self._at_most = at_most
        self._width = max(1, window // _SLOTS)
        self._slots: dict[int, set[str]] = {}
        # Everything that was sent before this slot is forgotten.
        self._first = 0
        self._count = 0
        self._lock = threading.Lock()

    def add(self, request_id: str, sent: int, now: int) -> Seen:
        """Remember a request; BEFORE when it was added before."""
        slot = sent // self._width
        first = (now - self._window) // self._width
        with self._lock:
            if first > self._first:
                self._forget(first)
            # The clock was set back: nobody knows any more.
            if slot < self._first:
                return Seen.BEFORE
            ids = self._slots.setdefault(slot, set())
            if request_id in ids:
                return Seen.BEFORE
            if self._count >= self._at_most:
                return Seen.FULL
            ids.add(request_id)
            self._count += 1
        return Seen.NEVER

    def _forget(self, first: int) -> None:
        self._first = first
        for slot in [slot for slot in self._slots if slot < first]:
            self._count -= len(self._slots.pop(slot))
