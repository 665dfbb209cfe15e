# SPDX-License-Identifier: Apache-2.0
"""Retired master keys are destroyed when no process can need them."""

from collections.abc import Callable
import time

from oslo_log import log as logging
from oslo_utils import timeutils

from secretstore import errors
from secretstore.db import engine
from secretstore.db import rotation as db
from secretstore.db.keys import MasterKeyRow
from secretstore.keys.master import MasterKeys

LOG = logging.getLogger(__name__)


class Destroyer:
    """Destroys what was retired, once no process can need it any more.

    That is ``wait()`` seconds after this process first saw that a key is
    retired, by a clock that nobody sets: one that was restarted waits anew.
    For one thread.
    """

    def __init__(
        self,
        database: engine.Database,
        master_keys: MasterKeys,
        wait: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._master_keys = master_keys
        self._wait = wait
        self._clock = clock
        self._seen: dict[str, float] = {}

    def run(self) -> float | None:
        """Destroy what is due; the seconds to the next, None without one."""
        now = self._clock()
        known = {row.id: row for row in self._retired()}
        self._seen = {key_id: self._seen.get(key_id, now) for key_id in known}
        if not known:
            return None
        wait, rests = self._wait(), []
        for key_id, seen in self._seen.items():
            rest = seen + wait - now
            if rest > 0:
                rests.append(rest)
            else:
                self._try(known[key_id])
        return min(rests, default=None)

    @engine.retried
    def _retired(self) -> list[MasterKeyRow]:
        with self._database.reading() as connection:
            found = db.to_destroy(connection)
        # Those of other strategies are for conductors that have them.
        enabled = self._master_keys.enabled
        return [row for row in found if row.strategy in enabled]

    def _try(self, row: MasterKeyRow) -> None:
        """One that cannot be destroyed keeps no other from it."""
        try:
            self._destroy(row)
        except errors.DatabaseUnavailable:
            raise
        except errors.SecretStoreError as error:
            LOG.error(
                'Master key %s is retired and cannot be destroyed: %s',
                row.id,
                error.message,
            )

    def _destroy(self, row: MasterKeyRow) -> None:
        if self._count(row):
            LOG.error(
                'Master key %s is retired, and project keys are under it: it '
                'is not destroyed',
                row.id,
            )
            return
        try:
            self._master_keys.destroy(row)
        except errors.MasterKeyNotFound:
            LOG.debug('Master key %s is gone already', row.id)
        if self._note(row):
            LOG.info(
                'Destroyed master key %s: strategy %s, reference %s',
                row.id,
                row.strategy,
                row.reference,
            )

    @engine.retried
    def _count(self, row: MasterKeyRow) -> int:
        with self._database.reading() as connection:
            return db.count_under(connection, row.id)

    @engine.retried
    def _note(self, row: MasterKeyRow) -> bool:
        with self._database.writing() as connection:
            return db.destroyed(connection, row.id, timeutils.utcnow())
