# SPDX-License-Identifier: Apache-2.0
"""Messages that are not taken: why, what to do, and how many they were."""

import enum
import logging
import threading
import time

from secretstore.metrics import record

LOG = logging.getLogger(__name__)

# Seconds between two log lines with the same cause: whoever can send may
# send a lot.
_PAUSE = 1.0


class Cause(enum.Enum):
    """Why; the value is for the operator, and names the remedy."""

    WRONG_KEY = (
        'it is sealed with key {key}, which is not in [rpc] seal_key_file '
        'here: give all hosts the same file'
    )
    CHANGED = (
        'it does not open: it was changed, or was not made for this purpose'
    )
    REPLAY = 'it was here before: somebody sends again what was sent'
    CLOCK = (
        'it was sealed {late:.0f} s before the time of this host: synchronise '
        'the clocks, or raise [rpc] seal_window'
    )
    CLOCK_SET_BACK = (
        'the clock of this host was set back, so that nobody knows whether it '
        'was here before: within two [rpc] seal_window they are taken again'
    )
    LATE = (
        'it came {late:.1f} s after its caller had given up: this conductor '
        'hung, or the clocks differ, which must be synchronised'
    )
    FULL = (
        'more requests than [rpc] replay_cache_size came within [rpc] '
        'seal_window: raise the one or lower the other'
    )
    UNSEALED = (
        'it is not sealed, or in another format: give all hosts the same '
        '[rpc] seal and seal_key_file'
    )
    UNEXPECTED = (
        'it is sealed, and [rpc] seal is off here: give all hosts the same '
        '[rpc] seal and seal_key_file'
    )
    VERSION = (
        'it speaks version {theirs} and this conductor {ours}: set [rpc] '
        'version_cap = {ours} for whoever calls until all are upgraded'
    )


class Refused(Exception):
    """A message that is not taken; str() says why and what to do."""

    def __init__(self, cause: Cause, **values: object) -> None:
        super().__init__(cause.value.format(**values))
        self.cause = cause


class Refusals:
    """Counts refused messages by cause, and logs them; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(Cause, 0)
        self._next_line = dict.fromkeys(Cause, 0.0)

    def counts(self) -> dict[Cause, int]:
        """How many there were, of each cause."""
        with self._lock:
            return dict(self._counts)

    def note(self, what: str, refused: Refused) -> None:
        """Count *what* was refused, with a log line unless there are many."""
        record.rpc_refusal(refused.cause.name.lower())
        now = time.monotonic()
        with self._lock:
            self._counts[refused.cause] += 1
            count = self._counts[refused.cause]
            if now < self._next_line[refused.cause]:
                return
            self._next_line[refused.cause] = now + _PAUSE
        LOG.warning(
            'Refused %s: %s (%s, the %d. of its kind)',
            what,
            refused,
            refused.cause.name,
            count,
        )
