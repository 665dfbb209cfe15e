# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom, when key pairs take long."""

from concurrent import futures
import queue
import threading
from typing import Any
from unittest import mock
import uuid

from secretstore import errors
from secretstore.conductor.common import utcnow
from secretstore.context import RequestContext
from secretstore.crypto import generate
from secretstore.db import orders as db_orders
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.order_base import (
    AES,
    EC,
    OrderTest,
    new_order,
)

SECONDS = 30.0
BOTH = 2


class SlowTest(OrderTest):
    """Key pairs take until told to go on; others are made as ever."""

    def setUp(self) -> None:
        super().setUp()
        self.go_on = threading.Event()
        self.begun: queue.SimpleQueue[object] = queue.SimpleQueue()
        pair = generate.pair

        def slow(algorithm: str, *rest: Any) -> Any:
            self.begun.put(algorithm)
            self.go_on.wait(SECONDS)
            return pair(algorithm, *rest)

        patch = mock.patch.object(generate, 'pair', slow)
        patch.start()
        self.addCleanup(patch.stop)
        self.pool = futures.ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.go_on.set)

    def create(self, context: RequestContext, algorithm: str = 'EC') -> str:
        return self.conductor.orders.create(
            context,
            new_order('asymmetric', algorithm=algorithm, bit_length=256),
        )

    def status(self, context: RequestContext, order_id: str) -> str:
        return self.conductor.orders.get(context, order_id)['status']

    def wait_for(self, order_id: str) -> None:
        """Return when nobody works on an order any more."""
        jobs = self.conductor.orders._jobs  # type: ignore[attr-defined]
        self.assertTrue(jobs.submit(order_id, utcnow()).wait(SECONDS))


class TestWhoWaits(SlowTest):
    overrides = {
        'orders__asymmetric_workers': BOTH,
        'orders__asymmetric_budget': SECONDS,
    }

    def test_no_more_than_there_are_threads(self) -> None:
        waiting = [
            self.pool.submit(self.create, self.context) for _ in range(BOTH)
        ]
        for _ in waiting:
            self.begun.get(timeout=SECONDS)
        # Were these to wait, they would until the end of the budget.
        left = [self.pool.submit(self.create, self.context) for _ in range(4)]
        ids = [one.result(SECONDS / 2) for one in left]
        self.assertEqual(
            {'PENDING'}, {self.status(self.context, one) for one in ids}
        )
        self.assertFalse(any(one.done() for one in waiting))
        self.go_on.set()
        for one in waiting:
            self.assertEqual(
                'ACTIVE', self.status(self.context, one.result(SECONDS))
            )
        # The threads go on with what was left, without being told to.
        for _ in left:
            self.begun.get(timeout=SECONDS)
        for order_id in ids:
            self.wait_for(order_id)
            self.assertEqual('ACTIVE', self.status(self.context, order_id))


class TestTurns(SlowTest):
    overrides = {
        'orders__asymmetric_workers': 1,
        'orders__asymmetric_budget': 0,
    }

    def test_other_projects(self) -> None:
        """One that has ordered much is not served before all others."""
        other = base.context(project_id=uuid.uuid4().hex)
        mine = [self.create(self.context) for _ in range(6)]
        self.begun.get(timeout=SECONDS)
        one = self.create(other, 'ed25519')
        self.go_on.set()
        order = [self.begun.get(timeout=SECONDS) for _ in range(6)]
        self.assertIn('ed25519', order[:2])
        for order_id in mine:
            self.wait_for(order_id)
            self.assertEqual('ACTIVE', self.status(self.context, order_id))
        self.assertEqual('ACTIVE', self.status(other, one))


class TestPending(SlowTest):
    overrides = {
        'orders__asymmetric_workers': 1,
        'orders__asymmetric_budget': 0,
        'orders__max_pending_per_project': 3,
    }

    def test_not_any_number(self) -> None:
        ids = [self.create(self.context) for _ in range(3)]
        with self.assertRaises(errors.QuotaReached):
            self.create(self.context)
        self.assertEqual(3, self.counts()['orders'])
        # Nothing else waits, or is another's concern.
        self.assertEqual('ACTIVE', self.order(**AES)['status'])
        self.assertEqual(
            'ERROR',
            self.order('asymmetric', **EC | {'bit_length': 1})['status'],
        )
        other = base.context(project_id=uuid.uuid4().hex)
        ids.append(self.create(other))
        self.go_on.set()
        for order_id in ids:
            self.wait_for(order_id)
        ids = [self.create(self.context) for _ in range(3)]
        for order_id in ids:
            self.wait_for(order_id)

    def test_asked_for_again(self) -> None:
        """What is stored already needs no more room."""
        pair = new_order('asymmetric', **EC)
        ids = [str(uuid.uuid4()) for _ in range(3)]
        for _ in range(2):
            for order_id in ids:
                self.conductor.orders.create(self.context, pair, order_id)
        self.assertEqual(3, self.counts()['orders'])
        with self.assertRaises(errors.Conflict):
            other = new_order('asymmetric', **EC | {'name': 'other'})
            self.conductor.orders.create(self.context, other, ids[0])
        self.go_on.set()
        for order_id in ids:
            self.wait_for(order_id)


class TestClaimRunOut(SlowTest):
    overrides = {
        'orders__asymmetric_workers': 1,
        'orders__asymmetric_budget': 0,
    }

    def test_what_was_made_is_kept(self) -> None:
        """Somebody else has begun; who is done first ends it."""
        order_id = self.create(self.context)
        self.begun.get(timeout=SECONDS)
        until = self.stored(order_id).claimed_until
        with self.database.writing() as connection:
            other = db_orders.claim(connection, order_id, until, until)
        assert other is not None
        self.assertEqual(2, other.attempts)
        self.go_on.set()
        self.wait_for(order_id)
        self.assertEqual('ACTIVE', self.status(self.context, order_id))
        with self.database.writing() as connection:
            gone = db_orders.finish(
                connection, order_id, None, db_orders.Outcome(), utcnow()
            )
        self.assertFalse(gone)
        self.assertEqual(
            {'secrets': 2, 'containers': 1, 'orders': 1}, self.counts()
        )
