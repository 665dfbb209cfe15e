# SPDX-License-Identifier: Apache-2.0
"""Bring keys where they belong, a bounded batch at a time."""

import datetime

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.conductor import common
from secretstore.conductor.background import Task
from secretstore.db import project_rotation
from secretstore.db.engine import Database, retried
from secretstore.db.keys import ProjectKeyRow
from secretstore.keys.destroyer import Destroyer
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.keys.memory import KeyMemory
from secretstore.keys.moving import Away
from secretstore.keys.reseal import IN_FLIGHT_SECONDS, Resealer
from secretstore.keys.rewrap import Rewrapper

LOG = logging.getLogger(__name__)

TASK = 'rewrapping'
RESEALING = 'resealing'


class Rewrapping:
    """Moves project keys, and destroys master keys that were retired.

    For one thread.  Any number of conductors may do so at a time.
    """

    def __init__(
        self, database: Database, keys: KeyHierarchy, conf: cfg.ConfigOpts
    ) -> None:
        options = conf.conductor
        self._interval: int = options.rewrap_interval
        self._pause: float = options.rewrap_batch_interval
        self._rewrapper = Rewrapper(
            database,
            keys.master_keys,
            keys.project_keys,
            options.rewrap_batch_size,
        )
        self._destroyer = Destroyer(
            database,
            keys.master_keys,
            KeyMemory(database, options.key_cache_ttl).longest,
        )
        self._moved = self._failed = 0

    def task(self) -> Task:
        return Task(TASK, self._interval, self.run)

    def run(self) -> float | None:
        """Do a batch; the seconds to the next, None when there is none."""
        batch = self._rewrapper.run()
        self._moved += batch.moved
        self._failed += batch.failed
        if batch.more:
            return self._pause
        _tell('project keys', self._moved, self._failed)
        self._moved = self._failed = 0
        again = self._destroyer.run()
        if batch.away:
            raise batch.away
        return again


class Resealing:
    """Replaces old project keys, and moves what is sealed under them.

    For one thread.  Any number of conductors may do so at a time.
    """

    def __init__(
        self, database: Database, keys: KeyHierarchy, conf: cfg.ConfigOpts
    ) -> None:
        options = conf.conductor
        self._database = database
        self._keys = keys
        self._interval: int = options.rewrap_interval
        self._pause: float = options.rewrap_batch_interval
        self._batch_size: int = options.rewrap_batch_size
        self._max_age = datetime.timedelta(options.project_key_max_age)
        self._memory = KeyMemory(database, options.key_cache_ttl)
        self._resealer = Resealer(
            database,
            keys.project_keys,
            options.rewrap_batch_size,
            self._wait,
        )
        self._after = ''
        self._away = Away()
        self._moved = self._failed = 0

    def task(self) -> Task:
        return Task(RESEALING, self._interval, self.run)

    def run(self) -> float | None:
        """Do a batch; the seconds to the next, None when there is none."""
        batch = self._resealer.run()
        self._moved += batch.moved
        self._failed += batch.failed
        if batch.more:
            return self._pause
        _tell('secrets', self._moved, self._failed)
        self._moved = self._failed = 0
        if self._max_age and self._replace_old():
            return self._pause
        away = batch.away or self._away.first
        self._away = Away()
        if away:
            raise away
        return None

    def _wait(self) -> float:
        return self._memory.longest() + IN_FLIGHT_SECONDS

    def _replace_old(self) -> bool:
        """A batch of those that are too old; whether there may be more."""
        found = self._too_old(self._after)
        for row in found:
            # Whatever happens, the next call goes on with others.
            self._after = row.id
            self._replace(row)
        if len(found) == self._batch_size:
            return True
        self._after = ''
        return False

    def _replace(self, row: ProjectKeyRow) -> None:
        known = self._keys.project_keys
        try:
            with self._away.asking(known.strategy(row.project_id)):
                known.rotate(row.project_id, row.id)
        except errors.MasterKeyUnavailable:
            # Noted, for the end of the pass; others need other custodians.
            return
        except (errors.Corrupt, errors.MasterKeyNotFound) as error:
            LOG.error(
                'Key %s of project %s is too old and cannot be replaced: %s',
                row.id,
                row.project_id,
                error.message,
            )
        self._keys.forget_in_use(row.project_id)

    @retried
    def _too_old(self, after: str) -> list[ProjectKeyRow]:
        before = common.utcnow() - self._max_age
        with self._database.reading() as connection:
            return project_rotation.older(
                connection, before, after, self._batch_size
            )


def _tell(what: str, moved: int, failed: int) -> None:
    if moved:
        LOG.info('Rewrapped %d %s', moved, what)
    if failed:
        LOG.error(
            'Could not rewrap %d %s, which are named above: they are as they '
            'were, and tried again',
            failed,
            what,
        )
