# SPDX-License-Identifier: Apache-2.0
import datetime
from typing import Any, ClassVar
import uuid

from secretstore.conductor import common, order_counts
from secretstore.db import order_counts as db_counts
from secretstore.db import orders
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.metrics import base as metrics


class TestOrderCounts(base.ConductorTest, metrics.MetricsTest):
    overrides: ClassVar[dict[str, Any]] = {'metrics__orders_interval': 7}

    def setUp(self) -> None:
        super().setUp()
        self.start_metrics()
        self.counts = order_counts.OrderCounts(self.database, self.conf)
        self.addCleanup(self.remove)

    def remove(self) -> None:
        with self.database.writing() as connection:
            connection.exec_driver_sql('DELETE FROM orders')

    def add(self, status: str, age: float = 0) -> None:
        created = common.utcnow() - datetime.timedelta(seconds=age)
        row = orders.OrderRow(
            id=str(uuid.uuid4()),
            project_id=base.PROJECT,
            creator_id=base.USER,
            type='asymmetric',
            meta='{}',
            pass_phrase=None,
            status=status,
            error_status_code=None,
            error_reason=None,
            secret_id=None,
            container_id=None,
            attempts=0,
            claimed_until=created if status == orders.PENDING else None,
            created_at=created,
            updated_at=created,
        )
        with self.database.writing() as connection:
            orders.add(connection, row)

    def states(self) -> dict[str, float]:
        return {
            state: self.value('orders', state=state)
            for state in ('PENDING', 'ACTIVE', 'ERROR')
        }

    def age(self) -> float:
        return self.value('orders_oldest_pending_age_seconds')

    def test_none(self) -> None:
        self.counts.run()
        self.assertEqual(
            {'PENDING': 0, 'ACTIVE': 0, 'ERROR': 0}, self.states()
        )
        self.assertEqual(0, self.age())
        self.assertGreater(self.value('orders_counted_timestamp_seconds'), 1e9)

    def test_by_state_and_age(self) -> None:
        for status, age in (
            (orders.PENDING, 100.0),
            (orders.PENDING, 500.0),
            (orders.ACTIVE, 9000.0),
            (orders.ERROR, 9000.0),
            (orders.ERROR, 9000.0),
        ):
            self.add(status, age)
        self.counts.run()
        self.assertEqual(
            {'PENDING': 2, 'ACTIVE': 1, 'ERROR': 2}, self.states()
        )
        self.assertTrue(500 <= self.age() < 560, self.age())

    def test_one_of_a_clock_that_is_ahead(self) -> None:
        self.add(orders.PENDING, -3600)
        self.counts.run()
        self.assertEqual(0, self.age())

    def test_counting_has_an_end(self) -> None:
        for statement in (
            db_counts._COUNT.params(state=orders.PENDING),
            db_counts._OLDEST,
        ):
            with self.database.reading() as connection:
                text = statement.compile(
                    connection.engine, compile_kwargs={'literal_binds': True}
                )
                plan = connection.exec_driver_sql(
                    f'EXPLAIN QUERY PLAN {text}'
                ).all()
            self.assertIn(f'LIMIT {db_counts.MOST}', str(text))
            self.assertIn('ix_orders_', str(plan))
            self.assertNotIn('SORTER', str(plan))

    def test_every_interval(self) -> None:
        task = self.counts.task()
        self.assertEqual(7, task.seconds)
        self.assertIsNone(task.run())


class TestTask(base.ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {'metrics__listen': '127.0.0.1:1'}

    def test_only_where_somebody_reads(self) -> None:
        self.assertIn('order counts', self.background._tasks)
        self.conf.set_override('listen', None, 'metrics')
        built = base.service.build(self.conf)
        self.assertNotIn('order counts', built.background._tasks)
