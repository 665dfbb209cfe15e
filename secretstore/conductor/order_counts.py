# SPDX-License-Identifier: Apache-2.0
"""How many orders wait, and for how long: looked up for monitoring."""

from oslo_config import cfg

from secretstore.conductor import common
from secretstore.conductor.background import Task
from secretstore.db import order_counts
from secretstore.db.engine import Database, retried
from secretstore.metrics import record


class OrderCounts:
    """Counts orders from time to time, whoever scrapes or does not.

    Every process with a conductor does, and all say the same: of what they
    found, the youngest is shown.
    """

    def __init__(self, database: Database, conf: cfg.ConfigOpts) -> None:
        self._database = database
        self._interval: int = conf.metrics.orders_interval

    def task(self) -> Task:
        return Task('order counts', self._interval, self.run)

    def run(self) -> None:
        record.orders(self._look())

    @retried
    def _look(self) -> record.Orders:
        with self._database.reading() as connection:
            counts = order_counts.counts(connection)
            oldest = order_counts.oldest_pending(connection)
        age = 0.0
        if oldest is not None:
            age = (common.utcnow() - oldest).total_seconds()
        # The clocks of hosts differ.
        return record.Orders(counts, max(age, 0.0))
