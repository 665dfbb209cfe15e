# SPDX-License-Identifier: Apache-2.0
"""How long a project key may be in the memory of any process."""

from oslo_log import log as logging

from secretstore.db import engine, settings

LOG = logging.getLogger(__name__)

_NAME = 'key_cache_ttl'


class KeyMemory:
    """What conductors tell each other of their ``key_cache_ttl``.

    Each says how long it keeps keys before it keeps the first one.  Whoever
    has seen since then that a key was replaced, and waits for the longest of
    these times, knows that all have forgotten the key, however they are
    configured.

    It never becomes shorter by itself, since nobody knows which of them still
    run.  Thread safe.
    """

    def __init__(self, database: engine.Database, mine: int) -> None:
        self._database = database
        self._mine = mine

    def tell(self) -> None:
        """Say how long this process keeps keys; before it has any."""
        known = self._known()
        if known is None or known < self._mine:
            self._raise()
        elif known > self._mine:
            LOG.warning(
                '[conductor] key_cache_ttl is %d here, and %d of another '
                'conductor, now or before: replaced and retired keys are kept '
                'for as long as that one needs. When none has more than %d '
                'any longer, run secretstore-manage project-key lower-wait',
                self._mine,
                known,
                self._mine,
            )

    def longest(self) -> int:
        """Seconds after which no process has a key that was replaced.

        As of now: to be asked for after the key was seen to be replaced.
        """
        return max(self._known() or 0, self._mine)

    @engine.retried
    def lower(self) -> None:
        """Forget all but this process; for when no other has a longer one."""
        with self._database.writing() as connection:
            settings.put(connection, _NAME, self._mine)

    @engine.retried
    def _known(self) -> int | None:
        with self._database.reading() as connection:
            return settings.get(connection, _NAME)

    @engine.retried
    def _raise(self) -> None:
        with self._database.writing() as connection:
            settings.put_at_least(connection, _NAME, self._mine)
