# SPDX-License-Identifier: Apache-2.0
"""Bring keys where they belong, a bounded batch at a time."""

from oslo_config import cfg
from oslo_log import log as logging

from secretstore.conductor.background import Task
from secretstore.db.engine import Database
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.keys.rewrap import Rewrapper
from secretstore.keys.rotation import Destroyer

LOG = logging.getLogger(__name__)

TASK = 'rewrapping'


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
            database, keys.master_keys, options.key_cache_ttl
        )
        self._moved = 0

    def task(self) -> Task:
        return Task(TASK, self._interval, self.run)

    def run(self) -> float | None:
        """Do a batch; the seconds to the next, None when there is none."""
        batch = self._rewrapper.run()
        self._moved += batch.moved
        if batch.more:
            return self._pause
        if self._moved:
            LOG.info('Rewrapped %d project keys', self._moved)
            self._moved = 0
        return self._destroyer.run()
