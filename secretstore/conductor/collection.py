# SPDX-License-Identifier: Apache-2.0
"""Remove expired secrets and finished orders when their time has passed."""

from collections.abc import Callable, Sequence
import datetime

from oslo_config import cfg
from oslo_log import log as logging
import sqlalchemy as sa

from secretstore.conductor import common
from secretstore.conductor.background import Task
from secretstore.conf.collection import NEVER
from secretstore.db import collection
from secretstore.db.engine import Database, retried

LOG = logging.getLogger(__name__)

_Find = Callable[
    [sa.Connection, datetime.datetime, int], Sequence[collection.Found]
]


class Collector:
    """Removes one batch per run; several conductors may do so at a time.

    For one thread: it remembers what it removed until it has removed all.
    """

    def __init__(self, database: Database, conf: cfg.ConfigOpts) -> None:
        options = conf.collection
        self._database = database
        self._secrets_days: int = options.expired_secret_retention
        self._orders_days: int = options.finished_order_retention
        self._interval: int = options.interval
        self._batch_size: int = options.batch_size
        self._batch_pause: float = options.batch_pause
        self._secrets = 0
        self._orders = 0

    def task(self) -> Task:
        return Task('collection', self._interval, self.run)

    def run(self) -> float | None:
        """Remove a batch; the seconds to the next, None when all is done."""
        now = common.utcnow()
        secrets = self._remove(
            'secrets', collection.expired_secrets, now, self._secrets_days
        )
        self._secrets += secrets
        orders = self._remove(
            'orders', collection.finished_orders, now, self._orders_days
        )
        self._orders += orders
        if self._batch_size in (secrets, orders):
            return self._batch_pause
        self._report()
        return None

    def _remove(
        self,
        resource: collection.Resource,
        find: _Find,
        now: datetime.datetime,
        days: int,
    ) -> int:
        if days == NEVER:
            return 0
        return self._batch(resource, find, now - datetime.timedelta(days))

    @retried
    def _batch(
        self,
        resource: collection.Resource,
        find: _Find,
        before: datetime.datetime,
    ) -> int:
        with self._database.writing() as connection:
            found = find(connection, before, self._batch_size)
            return collection.remove(connection, resource, found)

    def _report(self) -> None:
        if self._secrets or self._orders:
            LOG.info(
                'Removed %d expired secrets and %d finished orders',
                self._secrets,
                self._orders,
            )
        self._secrets = self._orders = 0
