# SPDX-License-Identifier: Apache-2.0
"""Collection and purge, on any database."""

from collections.abc import Iterator
import contextlib
from typing import Any

from oslo_config import cfg
import sqlalchemy as sa
from sqlalchemy import event

from secretstore import errors
from secretstore.conductor.collection import Collector
from secretstore.conductor.purge import Purge
from secretstore.conf import collection as options
from secretstore.db import models, secrets
from secretstore.keys.hierarchy import SERVICE_PROJECT
from secretstore.tests.unit.conductor.stock import DAY, Stock, ago
from secretstore.tests.unit.db import base

A, B = 'a' * 32, 'b' * 32
# All that belongs to something else.
PARTS = (
    models.SecretPayload,
    models.SecretMetadatum,
    models.SecretAclUser,
    models.SecretConsumer,
    models.ContainerSecret,
    models.ContainerAclUser,
    models.ContainerConsumer,
)


class StockTest(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.stock = Stock(self.database)

    def assert_counted(self, *projects: str) -> None:
        for project in projects or (A, B):
            self.assertEqual(
                self.stock.stored(project), self.stock.counted(project)
            )

    def collector(self, **overrides: Any) -> Collector:
        conf = cfg.ConfigOpts()
        options.register_opts(conf)
        conf([])
        for name, value in overrides.items():
            conf.set_override(name, value, 'collection')
        return Collector(self.database, conf)

    def run_all(self, collector: Collector) -> None:
        while collector.run() is not None:
            pass


class Collections(StockTest):
    def test_secrets_that_expired_long_ago(self) -> None:
        gone = [
            self.stock.secret(A, expiration=ago(91)),
            self.stock.secret(B, expiration=ago(1000)),
        ]
        kept = {
            self.stock.secret(A),
            self.stock.secret(A, expiration=ago(89)),
            self.stock.secret(B, expiration=ago(-1)),
        }
        # Consumers count for their own project.
        self.stock.consumer(B, secret=gone[0])
        self.stock.consumer(A, secret=next(iter(kept)))
        self.stock.container(A, *gone, *kept)
        self.assertIsNone(self.collector().run())
        self.assertEqual(kept, self.stock.ids(models.Secret))
        for part in PARTS[:3]:
            self.assertEqual(kept, self.stock.ids(part))
        with self.database.reading() as conn:
            members = conn.execute(
                sa.select(models.table(models.ContainerSecret).c.secret_id)
            )
            self.assertEqual(kept, set(members.scalars()))
        self.assertEqual(0, self.stock.stored(B)['consumers'])
        self.assertEqual(1, self.stock.stored(A)['consumers'])
        self.assert_counted()

    def test_orders_that_finished_long_ago(self) -> None:
        secret = self.stock.secret(A)
        for status in ('ACTIVE', 'ERROR'):
            self.stock.order(
                A, status=status, updated_at=ago(91), secret_id=secret
            )
        kept = {
            self.stock.order(A, status='PENDING', updated_at=ago(1000)),
            self.stock.order(A, status='ACTIVE', updated_at=ago(89)),
            self.stock.order(B, status='ERROR', updated_at=ago(0)),
        }
        self.assertIsNone(self.collector().run())
        self.assertEqual(kept, self.stock.ids(models.Order))
        self.assertEqual({secret}, self.stock.ids(models.Secret))
        self.assert_counted()

    def test_never_and_at_once(self) -> None:
        secret = self.stock.secret(A, expiration=ago(30000))
        self.stock.secret(A, expiration=ago(-1))
        order = self.stock.order(A, updated_at=ago(30000))
        self.collector(
            expired_secret_retention=-1, finished_order_retention=-1
        ).run()
        self.assertEqual(2, len(self.stock.ids(models.Secret)))
        self.assertIn(order, self.stock.ids(models.Order))
        # Each has its own time.
        self.collector(
            expired_secret_retention=0, finished_order_retention=-1
        ).run()
        self.assertNotIn(secret, self.stock.ids(models.Secret))
        self.assertEqual(1, len(self.stock.ids(models.Secret)))
        self.assertIn(order, self.stock.ids(models.Order))
        self.collector(finished_order_retention=0).run()
        self.assertEqual(set(), self.stock.ids(models.Order))

    def test_batches_and_one_line_in_the_log(self) -> None:
        for number in range(5):
            self.stock.secret(A, expiration=ago(100 + number))
            self.stock.order(A, updated_at=ago(100))
        collector = self.collector(batch_size=2, batch_pause=0.25)
        with self.assertNoLogs('secretstore.conductor', 'INFO'):
            self.assertEqual(0.25, collector.run())
            self.assertEqual(3, len(self.stock.ids(models.Secret)))
            # The oldest go first.
            self.assertEqual(0.25, collector.run())
        with self.assertLogs('secretstore.conductor', 'INFO') as logged:
            self.assertIsNone(collector.run())
        self.assertEqual(
            ['Removed 5 expired secrets and 5 finished orders'],
            [record.getMessage() for record in logged.records],
        )
        with self.assertNoLogs('secretstore.conductor', 'INFO'):
            self.assertIsNone(collector.run())
        self.assert_counted()

    def test_its_task(self) -> None:
        task = self.collector(interval=7).task()
        self.assertEqual(('collection', 7), (task.name, task.seconds))
        self.assertIsNone(task.run())

    def test_several_at_once(self) -> None:
        for number in range(60):
            project = (A, B)[number % 2]
            secret = self.stock.secret(project, expiration=ago(100))
            self.stock.consumer((A, B)[number % 3 % 2], secret=secret)
            self.stock.secret(project)
            self.stock.order(project, updated_at=ago(100))
        collectors = [self.collector(batch_size=5) for _ in range(4)]
        outcome = self.together(
            4, lambda number: self.run_all(collectors[number])
        )
        self.assertEqual([None] * 4, outcome)
        self.assertEqual(60, len(self.stock.ids(models.Secret)))
        self.assertEqual(set(), self.stock.ids(models.SecretConsumer))
        self.assertEqual(set(), self.stock.ids(models.Order))
        self.assert_counted()

    def test_users_delete_and_store_meanwhile(self) -> None:
        old = [self.stock.secret(A, expiration=ago(100)) for _ in range(40)]

        def use(number: int) -> None:
            if not number:
                self.run_all(self.collector(batch_size=3))
                return
            for secret_id in old[number::4]:
                with self.database.writing() as conn:
                    secrets.delete(conn, secret_id)
                self.stock.secret(A)

        self.assertEqual([None] * 4, self.together(4, use))
        self.run_all(self.collector())
        self.assertEqual(30, len(self.stock.ids(models.Secret)))
        self.assert_counted()


class Purges(StockTest):
    def setUp(self) -> None:
        super().setUp()
        self.purge = Purge(self.database, batch_size=2)

    def assert_nothing_left(self, project: str) -> None:
        self.assertEqual(0, sum(self.purge.count(project).values()))
        self.assertNotIn(project, self.stock.ids(models.ProjectUsage))

    def test_what_is_nobodys(self) -> None:
        """The service's own key is no project's."""
        with self.assertRaises(errors.InvalidInput):
            self.purge.purge(SERVICE_PROJECT)

    def test_everything_goes_and_others_stay(self) -> None:
        self.stock.all_of(A)
        self.stock.all_of(B)
        before = self.purge.count(B)
        counted = self.purge.count(A)
        for kind, count in {
            'secrets': 2,
            'containers': 1,
            'orders': 3,
            'secret consumers': 1,
            'container consumers': 1,
            'quotas': 1,
            'preferred secret stores': 1,
            'named keys': 1,
            'project keys': 2,
        }.items():
            self.assertEqual(count, counted[kind], kind)
        with self.assertLogs('secretstore', 'INFO') as logged:
            removed = self.purge.purge(A)
        (line,) = [record.getMessage() for record in logged.records]
        self.assertIn(f'Purged project {A}', line)
        self.assertIn('2 secrets', line)
        self.assertEqual(counted, removed)
        self.assert_nothing_left(A)
        self.assertEqual(before, self.purge.count(B))
        self.assert_counted()
        for part in PARTS:
            self.assertNotEqual(set(), self.stock.ids(part))
        self.purge.purge(B)
        for part in PARTS:
            self.assertEqual(set(), self.stock.ids(part))

    def test_named_keys_that_are_elsewhere(self) -> None:
        """Nobody else will know where: the log tells."""
        for ref in ('one', 'other', None):
            self.stock.named_key(A, reference=ref)
        self.stock.named_key(B, reference='theirs')
        with self.assertLogs('secretstore', 'WARNING') as logged:
            self.assertEqual(3, self.purge.purge(A)['named keys'])
        lines = [record.getMessage() for record in logged.records]
        told = [line.rsplit(' ', 2)[1] for line in lines]
        self.assertEqual(['one', 'other'], sorted(told))

    def test_once_more(self) -> None:
        self.stock.all_of(A)
        self.purge.purge(A)
        self.assertEqual(0, sum(self.purge.purge(A).values()))
        self.assertEqual(0, sum(self.purge.purge('unheard of').values()))

    def test_what_it_uses_of_others_and_they_of_it(self) -> None:
        theirs, ours = self.stock.secret(B), self.stock.secret(A)
        for project in (A, B):
            for _ in range(3):
                self.stock.consumer(project, secret=theirs)
                self.stock.consumer(project, secret=ours)
        removed = self.purge.purge(A)
        self.assertEqual(6, removed['secret consumers'])
        self.assert_nothing_left(A)
        self.assertEqual(3, self.stock.stored(B)['consumers'])
        self.assert_counted(B)

    def test_cut_off_and_taken_up_again(self) -> None:
        self.stock.all_of(A)
        for word in ('DELETE FROM containers', 'DELETE FROM project_keys'):
            with self.subTest(word), _failing(word):
                self.assertRaises(KeyboardInterrupt, self.purge.purge, A)
            self.assertEqual(2, self.purge.count(A)['project keys'])
            self.assert_counted()
        self.assertEqual(0, self.purge.count(A)['secrets'])
        self.purge.purge(A)
        self.assert_nothing_left(A)

    def test_while_the_project_is_written_to(self) -> None:
        self.stock.all_of(A)

        def use(number: int) -> None:
            if number > 1:
                for _ in range(20):
                    self.stock.secret(A, expiration=ago(0) + DAY)
                return
            try:
                self.purge.purge(A)
            except errors.Conflict as error:
                self.assertIn('still written to', error.message)

        self.assertEqual([None] * 4, self.together(4, use))
        self.assert_counted()
        self.purge.purge(A)
        self.assert_nothing_left(A)


@contextlib.contextmanager
def _failing(beginning: str) -> Iterator[None]:
    """Interrupt whoever is about to run such a statement."""

    def check(conn: object, cursor: object, sql: str, *_: Any) -> None:
        if sql.startswith(beginning):
            raise KeyboardInterrupt

    event.listen(sa.Engine, 'before_cursor_execute', check)
    try:
        yield
    finally:
        event.remove(sa.Engine, 'before_cursor_execute', check)
