# SPDX-License-Identifier: Apache-2.0
"""Quotas, and that none is overstepped, on any database."""

from collections.abc import Mapping

from oslo_db import exception as db_exc

from secretstore import errors
from secretstore.db import quotas, secrets, usage
from secretstore.db.engine import retried
from secretstore.db.quotas import Limits
from secretstore.tests.unit.db import base

OTHER = 'c' * 32


class QuotaTest(base.DatabaseTest):
    def put(self, project_id: str = base.PROJECT, **limits: int) -> None:
        with self.database.writing() as conn:
            quotas.put(conn, project_id, Limits(**limits))

    def get(self) -> Limits | None:
        with self.database.reading() as conn:
            return quotas.get(conn, base.PROJECT)

    @retried
    def insert(
        self, row: secrets.SecretRow, limits: Limits = quotas.UNLIMITED
    ) -> None:
        with self.database.writing() as conn:
            secrets.insert(conn, row, base.PAYLOAD, limits)

    @retried
    def take(self, counts: Mapping[usage.Resource, int]) -> None:
        with self.database.writing() as conn:
            quotas.take_all(
                conn, base.PROJECT, counts, quotas.UNLIMITED, base.NOW
            )


class Quotas(QuotaTest):
    def test_none(self) -> None:
        self.assertIsNone(self.get())
        with self.database.reading() as conn:
            self.assertEqual(([], 0), quotas.page(conn, 10, 0))

    def test_what_is_given_is_set_and_the_rest_stays(self) -> None:
        self.put()
        self.assertEqual(Limits(), self.get())
        self.put(secrets=5, cas=0)
        self.assertEqual(Limits(secrets=5, cas=0), self.get())
        self.put(secrets=-7, orders=2**31 - 1, containers=1, consumers=2)
        self.assertEqual(Limits(-7, 2**31 - 1, 1, 2, 0), self.get())

    def test_delete(self) -> None:
        self.put(secrets=5)
        self.put(OTHER, secrets=6)
        for _ in range(2):
            with self.database.writing() as conn:
                quotas.delete(conn, base.PROJECT)
            self.assertIsNone(self.get())
        with self.database.reading() as conn:
            self.assertEqual(Limits(6), quotas.get(conn, OTHER))

    def test_page(self) -> None:
        for project_id in ('b', 'B', 'é', 'a'):
            self.put(project_id, orders=1)
        names = [('B', 4), ('a', 4), ('b', 4), ('é', 4)]
        with self.database.reading() as conn:
            for offset in range(6):
                rows, total = quotas.page(conn, 2, offset)
                self.assertEqual(
                    names[offset : offset + 2],
                    [(project_id, total) for project_id, _ in rows],
                )
            self.assertEqual(([], 4), quotas.page(conn, 2, 2**63 - 1))

    def test_limit_is_kept_and_deletes_free_room(self) -> None:
        self.put(secrets=2)
        rows = [base.secret() for _ in range(3)]
        self.insert(rows[0])
        self.insert(rows[1])
        for _ in range(2):
            with self.assertRaises(errors.QuotaReached):
                self.insert(rows[2])
        self.assertEqual(2, self.total())
        self.remove(rows[0])
        self.insert(rows[2])
        self.assertEqual(2, self.total())

    def test_limits_rise_and_fall(self) -> None:
        self.insert(base.secret())
        self.insert(base.secret())
        self.put(secrets=1)
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret())
        self.put(secrets=3)
        self.insert(base.secret())
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret())
        self.put(secrets=-1)
        self.insert(base.secret())
        self.put(secrets=0)
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret())
        self.assertEqual(4, self.total())

    def test_expired_secrets_do_not_count(self) -> None:
        self.put(secrets=2)
        self.insert(base.secret(expiration=base.NOW))
        self.insert(base.secret(expiration=base.NOW + base.SECOND))
        self.insert(base.secret())
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret())
        later = base.NOW + base.SECOND
        self.insert(base.secret(created_at=later))
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret(created_at=later))

    def test_defaults_hold_where_nothing_is_said(self) -> None:
        limits = Limits(1, 1, 1, 1, 1)
        self.insert(base.secret(), limits)
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret(), limits)
        self.put(orders=5)
        with self.assertRaises(errors.QuotaReached):
            self.insert(base.secret(), limits)
        self.put(secrets=2)
        self.insert(base.secret(), limits)
        self.insert(base.secret(project_id=OTHER), limits)
        self.assertEqual(2, self.total())

    def test_each_resource_has_its_own(self) -> None:
        self.put(secrets=4, containers=3, orders=2, consumers=1)
        room: list[tuple[usage.Resource, int]] = [
            ('secrets', 4),
            ('containers', 3),
            ('orders', 2),
            ('consumers', 1),
        ]
        for resource, count in room:
            for _ in range(count):
                self.take({resource: 1})
            with self.assertRaises(errors.QuotaReached):
                self.take({resource: 1})

    def test_several_or_none(self) -> None:
        self.put(secrets=5, containers=2)
        self.take({'secrets': 3, 'containers': 1, 'orders': 9})
        too_many: list[dict[usage.Resource, int]] = [
            {'secrets': 3, 'containers': 1},
            {'secrets': 2, 'containers': 2},
            {'secrets': 1, 'containers': 3},
        ]
        for counts in too_many:
            with self.assertRaises(errors.QuotaReached):
                self.take(counts)
        self.take({'secrets': 2, 'containers': 1})
        self.put(secrets=8)
        self.take({'orders': 1, 'secrets': 3})
        self.assertEqual(8, self.total())

    def test_an_id_that_is_taken_comes_before_the_quota(self) -> None:
        self.put(secrets=1)
        row = base.secret()
        self.insert(row)
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self.insert(row)

    def test_statements(self) -> None:
        """A limit that was met before costs none more."""
        cases: list[tuple[dict[str, int], int]] = [
            ({}, 3),
            ({'secrets': 9}, 6),
            ({'secrets': 9}, 3),
        ]
        for limits, expected in cases:
            self.put(**limits)
            with self.database.writing() as conn:
                with base.statements(conn) as seen:
                    secrets.insert(
                        conn, base.secret(), base.PAYLOAD, quotas.UNLIMITED
                    )
            self.assertEqual(expected, len(seen), seen)

    def test_a_limit_that_is_gone_is_forgotten(self) -> None:
        self.put(secrets=1)
        self.insert(base.secret())
        with self.database.writing() as conn:
            quotas.delete(conn, base.PROJECT)
        self.insert(base.secret())
        self.assertEqual(2, self.total())


class QuotasTogether(QuotaTest):
    LIMIT = 5

    def race(self, limits: Limits = quotas.UNLIMITED) -> list[object]:
        """What 16 threads that store two secrets each were told."""

        def work(number: int) -> list[str]:
            told = []
            for _ in range(2):
                try:
                    self.insert(base.secret(), limits)
                    told.append('stored')
                except errors.QuotaReached:
                    told.append('refused')
            return told

        outcome = self.together(16, work)
        self.assertEqual(
            [],
            [error for error in outcome if not isinstance(error, list)],
        )
        return [word for told in outcome for word in told]

    def test_own_limit(self) -> None:
        self.put(secrets=self.LIMIT)
        told = self.race()
        self.assertEqual(self.LIMIT, told.count('stored'))
        self.assertEqual(self.LIMIT, self.total())

    def test_default_limit(self) -> None:
        told = self.race(Limits(secrets=self.LIMIT))
        self.assertEqual(self.LIMIT, told.count('stored'))
        self.assertEqual(self.LIMIT, self.total())

    def test_none_where_others_were_stored_without_a_limit(self) -> None:
        """Nobody waits for what is not to be, nor ends in a deadlock."""
        with self.database.writing() as conn:
            usage.add(conn, base.PROJECT, 'secrets', 1, shard=5)
        for limit in (1, 0):
            self.put(secrets=limit)
            with self.assertNoLogs('secretstore.db.engine', 'INFO'):
                self.assertEqual(['refused'] * 32, self.race())
        self.assertEqual(1, self.total())

    def test_with_deletes(self) -> None:
        """What is stored and what is counted stay the same."""
        self.put(secrets=self.LIMIT)
        remove = retried(self.remove)

        def work(number: int) -> int:
            stored = 0
            for _ in range(4):
                row = base.secret()
                try:
                    self.insert(row)
                except errors.QuotaReached:
                    continue
                self.assertLessEqual(self.total(), self.LIMIT)
                stored += 1
                remove(row)
            return stored

        outcome = self.together(16, work)
        self.assertTrue(all(isinstance(n, int) for n in outcome), outcome)
        self.assertGreaterEqual(sum(outcome), self.LIMIT)
        self.assertEqual(0, self.total())
        told = self.race()
        self.assertEqual(self.LIMIT, told.count('stored'))

    def test_limit_set_while_others_store(self) -> None:
        """Whoever begins after a limit was set keeps it."""
        self.put(secrets=-1)

        def work(number: int) -> None:
            if number == 0:
                self.put(secrets=0)
                with self.assertRaises(errors.QuotaReached):
                    self.insert(base.secret())
                return
            try:
                self.insert(base.secret())
            except errors.QuotaReached:
                return

        self.assertEqual([None] * 16, self.together(16, work))
        before = self.total()
        self.assertEqual(['refused'] * 32, self.race())
        self.assertEqual(before, self.total())

    def test_first_limits_of_a_project_at_once(self) -> None:
        names = Limits._fields

        @retried
        def work(number: int) -> None:
            self.put(**{names[number % 5]: number % 5})

        self.assertEqual([None] * 16, self.together(16, work))
        self.assertEqual(Limits(0, 1, 2, 3, 4), self.get())
