# SPDX-License-Identifier: Apache-2.0
import datetime
from pathlib import Path
import threading
from typing import Any, ClassVar
from unittest import mock
import uuid

import sqlalchemy as sa

from secretstore.conductor import order_keys
from secretstore.conductor.common import utcnow
from secretstore.conductor.order_jobs import OrderJobs
from secretstore.conductor.quotas import configured
from secretstore.conductor.service import key_hierarchy
from secretstore.db import models
from secretstore.db import orders as db_orders
from secretstore.db.orders import OrderRow
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.tests.unit.conductor import base, order_base

SECONDS = 30.0
MINUTE = datetime.timedelta(minutes=1)
NOTHING = {'secrets': 0, 'containers': 0, 'orders': 1}
ALL = {'secrets': 2, 'containers': 1, 'orders': 1}


class JobsTest(order_base.OrderTest):
    """Orders that were left, and what takes them on."""

    overrides = {
        'orders__max_attempts': 2,
        'orders__max_pending_seconds': 600,
        'orders__resume_interval': 5,
        'conductor__key_cache_ttl': 0,
    }
    keys: ClassVar[KeyHierarchy]
    jobs: ClassVar[OrderJobs]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.keys = key_hierarchy(cls.conf, cls.database)
        cls.keys.start()
        cls.jobs = OrderJobs(
            cls.database, cls.keys, configured(cls.conf), cls.conf
        )

    def leave(self, pass_phrase: str | None = None, **fields: Any) -> str:
        """The id of an order that is due, as after a crash."""
        now = utcnow()
        meta = order_base.EC
        row = OrderRow(
            id=str(uuid.uuid4()),
            project_id=str(self.context.project_id),
            creator_id=base.USER,
            type='asymmetric',
            meta=order_keys.encode_meta(meta, None),
            pass_phrase=None,
            status=db_orders.PENDING,
            error_status_code=None,
            error_reason=None,
            secret_id=None,
            container_id=None,
            attempts=1,
            claimed_until=now,
            created_at=now - MINUTE,
            updated_at=now - MINUTE,
        )._replace(**fields)
        envelope = order_keys.seal_pass_phrase(self.keys, row, pass_phrase)
        with self.database.writing() as connection:
            db_orders.insert(connection, row._replace(pass_phrase=envelope))
        return row.id

    def work(self, order_id: str) -> Any:
        """The order's row when nobody works on it any more."""
        self.jobs.run()
        # Nothing new when run() has taken it on.
        event = self.jobs.submit(order_id, utcnow())
        self.assertTrue(event.wait(SECONDS))
        return self.stored(order_id)


class TestLeftOver(JobsTest):
    def test_is_finished(self) -> None:
        row = self.work(self.leave())
        self.assertEqual(
            (db_orders.ACTIVE, None, 2),
            (row.status, row.claimed_until, row.attempts),
        )
        self.assertEqual(ALL, self.counts())

    def test_with_its_pass_phrase(self) -> None:
        order_id = self.leave('hush')
        self.assertNotIn(b'hush', self.stored(order_id).pass_phrase)
        row = self.work(order_id)
        self.assertEqual(db_orders.ACTIVE, row.status)
        self.assertIsNone(row.pass_phrase)
        members = self.members(row.container_id)
        self.assertEqual(
            b'hush', self.payload(members['private_key_passphrase'])
        )

    def test_claimed_by_somebody_else(self) -> None:
        until = utcnow() + MINUTE
        row = self.work(self.leave(claimed_until=until))
        self.assertEqual((db_orders.PENDING, 1), (row.status, row.attempts))
        self.assertEqual(NOTHING, self.counts())

    def test_ended_orders_stay_as_they_are(self) -> None:
        order_id = self.leave()
        row = self.work(order_id)
        self.assertEqual(row, self.work(order_id))
        self.assertEqual(ALL, self.counts())

    def test_many(self) -> None:
        left = [self.leave() for _ in range(30)]
        while self.jobs.run() is not None:
            pass
        for order_id in left:
            self.assertEqual('ACTIVE', self.work(order_id).status)
        self.assertEqual(
            {'secrets': 60, 'containers': 30, 'orders': 30}, self.counts()
        )

    def test_gone(self) -> None:
        order_id = self.leave()
        self.conductor.orders.delete(self.context, order_id)
        event = self.jobs.submit(order_id, utcnow())
        self.assertTrue(event.wait(SECONDS))
        self.assertEqual({**NOTHING, 'orders': 0}, self.counts())

    def test_begun_too_often(self) -> None:
        row = self.work(self.leave('hush', attempts=2))
        self.assertEqual(
            (
                'ERROR',
                '500',
                'Process TypeOrder failure seen - given up after 2 attempts.',
                None,
            ),
            (
                row.status,
                row.error_status_code,
                row.error_reason,
                row.pass_phrase,
            ),
        )
        self.assertEqual(NOTHING, self.counts())

    def test_unexpected_failures_are_bounded(self) -> None:
        """A record that no release writes: what it does is unknown."""
        order_id = self.leave(meta='{}', attempts=0)
        for attempts in (1, 2):
            with self.assertLogs('secretstore.conductor', 'ERROR'):
                row = self.work(order_id)
            self.assertEqual(('PENDING', attempts), (row.status, row.attempts))
            self._make_due(order_id)
        row = self.work(order_id)
        self.assertEqual(('ERROR', '500'), (row.status, row.error_status_code))
        self.assertEqual(NOTHING, self.counts())

    def _make_due(self, order_id: str) -> None:
        table = models.table(models.Order)
        with self.database.writing() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.id == order_id)
                .values(claimed_until=utcnow())
            )

    def test_a_changed_pass_phrase_is_an_error(self) -> None:
        order_id = self.leave('hush')
        table = models.table(models.Order)
        with self.database.writing() as connection:
            envelope = self.stored(order_id).pass_phrase
            connection.execute(
                sa.update(table)
                .where(table.c.id == order_id)
                .values(pass_phrase=envelope[:-1] + b'\0')
            )
        row = self.work(order_id)
        self.assertEqual(
            (
                'ERROR',
                '500',
                'Process TypeOrder failure seen - please contact site '
                'administrator.',
            ),
            (row.status, row.error_status_code, row.error_reason),
        )

    def test_pass_phrases_do_not_fit_other_orders(self) -> None:
        table = models.table(models.Order)
        one, other = self.leave('one'), self.leave('other')
        envelope = self.stored(one).pass_phrase
        with self.database.writing() as connection:
            connection.execute(
                sa.update(table)
                .where(table.c.id == other)
                .values(pass_phrase=envelope)
            )
        self.assertEqual('ERROR', self.work(other).status)
        self.assertEqual('ACTIVE', self.work(one).status)


class TestNoThread(JobsTest):
    """A process that may have no more threads, for a while."""

    def test_orders_wait(self) -> None:
        jobs = self.conductor.orders._jobs  # type: ignore[attr-defined]
        start = mock.patch.object(
            threading.Thread, 'start', side_effect=RuntimeError
        )
        with start, self.assertLogs('secretstore.conductor', 'WARNING'):
            # The second finds that we are behind, and what is due besides.
            ids = [self.order('asymmetric', **order_base.EC)['id']]
            ids.append(self.leave())
            ids.append(self.order('asymmetric', **order_base.EC)['id'])
            for order_id in ids:
                self.assertEqual('PENDING', self.stored(order_id).status)
            # It comes back soon.
            self.assertIsNotNone(jobs.run())
        jobs.run()
        for order_id in ids:
            until = self.stored(order_id).claimed_until
            event = jobs.submit(order_id, until or utcnow())
            self.assertTrue(event.wait(SECONDS))
            self.assertEqual('ACTIVE', self.stored(order_id).status)


class TestMasterKeyAway(JobsTest):
    def setUp(self) -> None:
        super().setUp()
        (self.file,) = Path(self.conf.proprietary.crypt_key_dir).iterdir()
        self.addCleanup(self.file.chmod, 0o600)

    def test_waits_and_no_attempt_counts(self) -> None:
        order_id = self.leave('hush')
        self.file.chmod(0o644)
        row = self.work(order_id)
        self.assertEqual(('PENDING', 1), (row.status, row.attempts))
        self.assertGreater(row.claimed_until, utcnow())
        self.file.chmod(0o600)
        event = self.jobs.submit(order_id, row.claimed_until)
        self.assertTrue(event.wait(SECONDS))
        self.assertEqual('ACTIVE', self.stored(order_id).status)
        self.assertEqual({**ALL, 'secrets': 3}, self.counts())

    def test_not_for_ever(self) -> None:
        order_id = self.leave(created_at=utcnow() - 11 * MINUTE)
        self.file.chmod(0o644)
        row = self.work(order_id)
        self.assertEqual(
            (
                'ERROR',
                '503',
                'Process TypeOrder failure seen - what it needs was away '
                'too long.',
            ),
            (row.status, row.error_status_code, row.error_reason),
        )
        self.assertEqual(NOTHING, self.counts())
