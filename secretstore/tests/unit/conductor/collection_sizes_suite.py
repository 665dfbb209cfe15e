# SPDX-License-Identifier: Apache-2.0
"""Collection of what is too much for one transaction, on any database."""

from collections.abc import Iterator
import contextlib

import sqlalchemy as sa
from sqlalchemy import exc

from secretstore import errors
from secretstore.db import models
from secretstore.db.engine import Database
from secretstore.tests.unit.conductor.collection_suite import A, StockTest
from secretstore.tests.unit.conductor.stock import ago
from secretstore.tests.unit.db import base


class SlowDatabase(Database):
    """Does not answer in time to who deletes more secrets than these."""

    most = 2

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with (
            super().writing() as connection,
            base.statements(connection) as seen,
        ):
            yield connection
            for sql, values in seen:
                if sql.startswith('DELETE FROM secrets'):
                    if len(values) > self.most:
                        raise exc.TimeoutError('no answer in time')


class Sizes(StockTest):
    def setUp(self) -> None:
        super().setUp()
        self.database = self.slow = SlowDatabase(self.url)
        self.addCleanup(self.slow.dispose)

    def test_too_much_for_one_transaction(self) -> None:
        for number in range(9):
            self.stock.secret(A, expiration=ago(100 + number))
            self.stock.order(A, updated_at=ago(100))
        collector = self.collector(batch_size=8, batch_pause=0)
        self.assertIsNotNone(collector.run())
        self.assertEqual(9, len(self.stock.ids(models.Secret)))
        # Nobody else waits for it.
        self.assertEqual(1, len(self.stock.ids(models.Order)))
        self.run_all(collector)
        self.assertEqual(set(), self.stock.ids(models.Secret))
        self.assert_counted()
        # The next time it begins with as many as ever.
        self.slow.most = 8
        for _ in range(8):
            self.stock.secret(A, expiration=ago(100))
        collector.run()
        self.assertEqual(set(), self.stock.ids(models.Secret))

    def test_a_database_that_bears_nothing(self) -> None:
        self.stock.secret(A, expiration=ago(100))
        collector = self.collector(batch_size=8, batch_pause=0)
        self.slow.most = 0
        with self.assertRaises(errors.DatabaseUnavailable):
            self.run_all(collector)
        self.slow.most = 8
        self.run_all(collector)
        self.assertEqual(set(), self.stock.ids(models.Secret))
