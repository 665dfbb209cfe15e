# SPDX-License-Identifier: Apache-2.0
"""Remove expired secrets and finished orders when their time has passed."""

import collections
from collections.abc import Callable, Sequence
import datetime

from oslo_config import cfg
from oslo_log import log as logging
import sqlalchemy as sa

from secretstore import errors
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

    For one thread: it remembers what it removed until it has removed all,
    and how much at a time the database bore.
    """

    def __init__(self, database: Database, conf: cfg.ConfigOpts) -> None:
        options = conf.collection
        self._database = database
        self._secrets_days: int = options.expired_secret_retention
        self._orders_days: int = options.finished_order_retention
        self._interval: int = options.interval
        self._batch_size: int = options.batch_size
        self._batch_pause: float = options.batch_pause
        self._removed: collections.Counter[str] = collections.Counter()
        self._at_most: dict[str, int] = {}

    def task(self) -> Task:
        return Task('collection', self._interval, self.run)

    def run(self) -> float | None:
        """Remove a batch; the seconds to the next, None when all is done."""
        now = common.utcnow()
        is_more = [
            self._remove(
                'secrets', collection.expired_secrets, now, self._secrets_days
            ),
            self._remove(
                'orders', collection.finished_orders, now, self._orders_days
            ),
        ]
        if any(is_more):
            return self._batch_pause
        self._report()
        return None

    def _remove(
        self,
        resource: collection.Resource,
        find: _Find,
        now: datetime.datetime,
        days: int,
    ) -> bool:
        """Whether there may be more."""
        if days == NEVER:
            return False
        before = now - datetime.timedelta(days)
        at_most = self._at_most.setdefault(resource, self._batch_size)
        try:
            removed = self._batch(resource, find, before, at_most)
        except errors.DatabaseUnavailable:
            # Maybe it was too much for one transaction: what belongs to
            # one secret may be a thousand rows of several kinds.
            if at_most == 1:
                raise
            self._at_most[resource] = at_most // 2
            return True
        self._removed[resource] += removed
        if removed < at_most:
            del self._at_most[resource]
            return False
        return True

    @retried
    def _batch(
        self,
        resource: collection.Resource,
        find: _Find,
        before: datetime.datetime,
        at_most: int,
    ) -> int:
        with self._database.writing() as connection:
            found = find(connection, before, at_most)
            return collection.remove(connection, resource, found)

    def _report(self) -> None:
        if self._removed.total():
            LOG.info(
                'Removed %d expired secrets and %d finished orders',
                self._removed['secrets'],
                self._removed['orders'],
            )
        self._removed.clear()
