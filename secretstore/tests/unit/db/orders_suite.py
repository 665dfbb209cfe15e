# SPDX-License-Identifier: Apache-2.0
"""Orders, and that each is ended once, on any database."""

import datetime
import uuid

from oslo_db import exception as db_exc

from secretstore import errors
from secretstore.db import orders, usage
from secretstore.db.engine import retried
from secretstore.db.orders import OrderRow, Outcome
from secretstore.db.quotas import Limits
from secretstore.tests.unit.db import base

OTHER = 'c' * 32
MINUTE = datetime.timedelta(minutes=1)
DONE = Outcome(container_id=str(uuid.UUID(int=9)))


def order(**fields: object) -> OrderRow:
    row = OrderRow(
        id=str(uuid.uuid4()),
        project_id=base.PROJECT,
        creator_id='b' * 32,
        type='asymmetric',
        meta='{"algorithm": "rsa"}',
        pass_phrase=b'\x01sealed\x00',
        status=orders.PENDING,
        error_status_code=None,
        error_reason=None,
        secret_id=None,
        container_id=None,
        attempts=0,
        claimed_until=base.NOW,
        created_at=base.NOW,
        updated_at=base.NOW,
    )
    return row._replace(**fields)


class OrderTest(base.DatabaseTest):
    def insert(self, *rows: OrderRow) -> None:
        for row in rows:
            with self.database.writing() as conn:
                orders.insert(conn, row)

    def get(self, row: OrderRow) -> OrderRow | None:
        with self.database.reading() as conn:
            return orders.get(conn, row.id)

    @retried
    def claim(
        self, row: OrderRow, due: datetime.datetime = base.NOW
    ) -> OrderRow | None:
        with self.database.writing() as conn:
            return orders.claim(conn, row.id, due, due + MINUTE)

    @retried
    def finish(self, row: OrderRow, attempt: int) -> bool:
        with self.database.writing() as conn:
            return orders.finish(
                conn, row.id, attempt, DONE, base.NOW + MINUTE
            )

    @retried
    def delete(self, row: OrderRow) -> bool:
        with self.database.writing() as conn:
            return orders.delete(conn, row.id)

    def due(self, at: datetime.datetime, at_most: int = 10) -> list[str]:
        with self.database.reading() as conn:
            return [due.id for due in orders.due(conn, at, at_most)]

    def total(self) -> int:
        with self.database.reading() as conn:
            return orders.page(conn, base.PROJECT, orders.Page(1))[1]


class Orders(OrderTest):
    def test_stored_and_gone(self) -> None:
        row = order()
        self.assertIsNone(self.get(row))
        self.insert(row)
        self.assertEqual(row, self.get(row))
        self.assertEqual(1, self.total())
        self.assertTrue(self.delete(row))
        self.assertIsNone(self.get(row))
        self.assertFalse(self.delete(row))
        self.assertEqual(0, self.total())

    def test_projects_take_turns(self) -> None:
        later = base.NOW + base.SECOND
        mine = [order() for _ in range(3)]
        others = order(project_id=OTHER, claimed_until=later)
        self.insert(*mine, others)
        self.assertIn(others.id, self.due(later, 2))
        self.assertEqual(4, len(self.due(later)))
        # However few there is room for, each project has its turn.
        for last, following in ((base.PROJECT, OTHER), (OTHER, base.PROJECT)):
            with self.database.reading() as conn:
                (found,) = orders.due(conn, later, 1, last)
            self.assertEqual(following, found.project_id)

    def test_pending(self) -> None:
        mine = [order() for _ in range(3)]
        self.insert(*mine, order(project_id=OTHER), order(status='ERROR'))
        with self.database.reading() as conn:
            counts = [
                orders.pending(conn, project)
                for project in (base.PROJECT, OTHER, 'nobody')
            ]
        self.assertEqual([3, 1, 0], counts)

    def test_id_is_taken(self) -> None:
        row = order()
        self.insert(row)
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self.insert(row)
        self.assertEqual(1, self.total())

    def test_quota(self) -> None:
        with self.assertRaises(errors.QuotaReached):
            for _ in range(3):
                with self.database.writing() as conn:
                    orders.insert(conn, order(), Limits(orders=2))
        self.assertEqual(2, self.total())

    def test_any_text_in_meta(self) -> None:
        row = order(meta='{"x": "ü\U0001f511 \\u0000"}' + ' ' * 60000)
        self.insert(row)
        self.assertEqual(row, self.get(row))

    def test_page(self) -> None:
        rows = [
            order(
                created_at=base.NOW + number * base.SECOND,
                meta=f'{{"name": "n{number}_%"}}',
            )
            for number in range(5)
        ]
        self.insert(*rows, order(project_id=OTHER))
        with self.database.reading() as conn:
            self.assertEqual(
                (rows[1:3], 5),
                orders.page(conn, base.PROJECT, orders.Page(2, 1)),
            )
            self.assertEqual(
                (rows[3:], 5),
                orders.page(
                    conn, base.PROJECT, orders.Page(9, marker=rows[2].id)
                ),
            )
            for meta, found in (
                ('"n3', rows[3:4]),
                ('_%', rows),
                ('%3', []),
                ('N3', []),
                ("'", []),
            ):
                self.assertEqual(
                    (found, len(found)),
                    orders.page(conn, base.PROJECT, orders.Page(9), meta),
                )


class Claims(OrderTest):
    def test_due_the_longest_left_first(self) -> None:
        rows = [
            order(claimed_until=base.NOW + number * base.SECOND)
            for number in (2, 0, 1, 3)
        ]
        self.insert(*rows, order(status=orders.ACTIVE), order(status='ERROR'))
        self.assertEqual([rows[1].id], self.due(base.NOW))
        found = self.due(base.NOW + 2 * base.SECOND)
        self.assertEqual([rows[1].id, rows[2].id, rows[0].id], found)
        self.assertEqual(found[:2], self.due(base.NOW + MINUTE, 2))

    def test_one_at_a_time(self) -> None:
        row = order()
        self.insert(row)
        self.assertIsNone(self.claim(row, base.NOW - base.SECOND))
        held = row._replace(attempts=1, claimed_until=base.NOW + MINUTE)
        self.assertEqual(held, self.claim(row))
        self.assertIsNone(self.claim(row))
        self.assertIsNone(self.claim(row, base.NOW + MINUTE - base.SECOND))
        later = self.claim(row, base.NOW + MINUTE)
        assert later is not None
        self.assertEqual(2, later.attempts)

    def test_finish(self) -> None:
        row = order()
        self.insert(row)
        self.claim(row)
        self.assertTrue(self.finish(row, 1))
        done = row._replace(
            status=orders.ACTIVE,
            container_id=DONE.container_id,
            pass_phrase=None,
            claimed_until=None,
            attempts=1,
            updated_at=base.NOW + MINUTE,
        )
        self.assertEqual(done, self.get(row))
        self.assertFalse(self.finish(row, 1))
        self.assertIsNone(self.claim(row, base.NOW + 9 * MINUTE))

    def test_error(self) -> None:
        row = order()
        self.insert(row)
        self.claim(row)
        outcome = Outcome(error_status_code='400', error_reason='Why.')
        with self.database.writing() as conn:
            orders.finish(conn, row.id, 1, outcome, base.NOW)
        found = self.get(row)
        assert found is not None
        self.assertEqual(
            ('ERROR', '400', 'Why.', None),
            (
                found.status,
                found.error_status_code,
                found.error_reason,
                found.pass_phrase,
            ),
        )

    def test_who_lost_the_claim_ends_nothing(self) -> None:
        row = order()
        self.insert(row)
        self.claim(row)
        self.claim(row, base.NOW + MINUTE)
        self.assertFalse(self.finish(row, 1))
        self.assertTrue(self.finish(row, 2))

    def test_gone_meanwhile(self) -> None:
        row = order()
        self.insert(row)
        self.claim(row)
        self.delete(row)
        self.assertFalse(self.finish(row, 1))
        with self.database.writing() as conn:
            gone = orders.postpone(conn, row.id, 1, base.NOW, True)
        self.assertFalse(gone)
        self.assertIsNone(self.get(row))

    def test_postpone(self) -> None:
        for give_back, attempts in ((True, 0), (False, 1)):
            row = order()
            self.insert(row)
            self.claim(row)
            until = base.NOW + 2 * MINUTE
            with self.database.writing() as conn:
                self.assertFalse(
                    orders.postpone(conn, row.id, 2, until, give_back)
                )
                self.assertTrue(
                    orders.postpone(conn, row.id, 1, until, give_back)
                )
            self.assertEqual(
                row._replace(attempts=attempts, claimed_until=until),
                self.get(row),
            )


class OrdersTogether(OrderTest):
    def test_one_of_many_claims(self) -> None:
        for _ in range(10):
            row = order()
            self.insert(row)
            claims = self.together(8, lambda _, row=row: self.claim(row))
            self.assertEqual(7, claims.count(None), claims)

    def test_ended_or_deleted(self) -> None:
        """Who ends an order knows whether it was still there."""
        for number in range(10):
            row = order(id=str(uuid.UUID(int=number)))
            self.insert(row)
            self.claim(row)
            answers = self.together(
                2,
                lambda n, row=row: (
                    self.finish(row, 1) if n else self.delete(row)
                ),
            )
            self.assertTrue(answers[0])
            self.assertIsNone(self.get(row))
        self.assertEqual(0, self.total())

    def test_several_resources_in_one_transaction(self) -> None:
        """Nobody waits for another in a circle, which ends in an error."""

        def count(number: int) -> None:
            kinds: list[usage.Resource] = ['secrets', 'orders']
            for _ in range(30):
                with self.database.writing() as conn:
                    for kind in kinds if number % 2 else kinds[::-1]:
                        usage.add(conn, base.PROJECT, kind, 1)

        self.assertEqual([None] * 8, self.together(8, count))
        self.assertEqual(240, self.total())
