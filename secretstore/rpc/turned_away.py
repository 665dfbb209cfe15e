# SPDX-License-Identifier: Apache-2.0
"""Requests that a conductor does not execute because it has no room."""

import enum
import logging
import threading
import time

from secretstore.metrics import record

LOG = logging.getLogger(__name__)

# Seconds between two log lines.
_PAUSE = 10.0


class Why(enum.Enum):
    """Why it was turned away; the value is its name in the metrics."""

    FULL = 'full'
    WAITED = 'waited'
    STOPPING = 'stopping'
    # Nobody waits for an answer any more.
    GONE = 'gone'


# What no conductor is at fault for, and more room would not help.
_ORDINARY = (Why.STOPPING, Why.GONE)


class TurnedAway:
    """Counts them, and logs few lines about many; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._next_line = 0.0

    def note(self, why: Why) -> None:
        record.rpc_turned_away(why.value)
        if why in _ORDINARY:
            return
        now = time.monotonic()
        with self._lock:
            self._count += 1
            if now < self._next_line:
                return
            self._next_line = now + _PAUSE
            count, self._count = self._count, 0
        LOG.warning(
            'Requests are turned away, %d since the last such line: all [rpc] '
            'threads are busy, and %s. Start more conductors, or raise '
            'threads or max_queue',
            count,
            'as many wait as max_queue allows'
            if why is Why.FULL
            else 'they have waited for too long',
        )
