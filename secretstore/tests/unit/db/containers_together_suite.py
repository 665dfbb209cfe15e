# SPDX-License-Identifier: Apache-2.0
"""Containers that change while something else does, on any database."""

from collections.abc import Callable

from oslo_db import exception as db_exc

from secretstore.db import containers, models, secrets
from secretstore.db.containers import ContainerRow, Member
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base
from secretstore.tests.unit.db.containers_suite import (
    ContainerTest,
    container,
)


class ContainersTogether(ContainerTest):
    """What happens at the same time as something else."""

    @retried
    def put_in(self, row: ContainerRow, member: Member) -> bool:
        """As who does so should; False when the secret is gone."""
        with self.database.writing() as conn:
            if not secrets.hold(
                conn, base.PROJECT, [member.secret_id], base.NOW
            ):
                return False
            containers.add_member(conn, row.id, member)
        return True

    @retried
    def make_with(self, member: Member) -> bool:
        row = container()
        with self.database.writing() as conn:
            if not secrets.hold(
                conn, base.PROJECT, [member.secret_id], base.NOW
            ):
                return False
            containers.insert(conn, row, [member])
        return True

    def test_double_delete(self) -> None:
        row = self.insert(container())
        self.insert(container())
        outcome = self.together(16, lambda number: self.delete(row))
        self.assertEqual([False] * 15 + [True], sorted(outcome))
        self.assertEqual(1, self.listed()[1])

    def test_one_member_added_by_many(self) -> None:
        row, member = self.insert(container()), Member(self.secret(), None)
        outcome = self.together(8, lambda number: self.put_in(row, member))
        self.assertEqual(1, outcome.count(True), outcome)
        others = {type(found) for found in outcome if found is not True}
        self.assertEqual({db_exc.DBDuplicateEntry}, others)
        self.assertEqual([member], self.members(row))

    def test_put_in_while_the_secret_is_deleted(self) -> None:
        row = self.insert(container())
        remove = retried(self.remove)
        for turn in range(12):
            secret = base.secret()
            self.store(secret)

            def work(
                number: int,
                secret: secrets.SecretRow = secret,
                first: int = turn % 8,
            ) -> bool:
                if number == first:
                    return remove(secret)
                if number % 2:
                    return self.make_with(Member(secret.id, 'a'))
                return self.put_in(row, Member(secret.id, str(number)))

            outcome = self.together(8, work)
            self.assertIs(True, outcome.pop(turn % 8))
            self.assertLessEqual(set(outcome), {True, False}, outcome)
            self.assertEqual([0], self.rest(models.ContainerSecret))
        (stored,) = self.rest(models.Container)
        self.assertEqual(stored, self.listed()[1])

    def test_put_in_while_the_container_is_deleted(self) -> None:
        member = Member(self.secret(), None)
        for turn in range(12):
            row = self.insert(container())

            def work(
                number: int,
                row: ContainerRow = row,
                first: int = turn % 8,
            ) -> bool:
                if number == first:
                    return self.delete(row)
                return self.put_in(row, member._replace(name=str(number)))

            outcome = self.together(8, work)
            self.assertIs(True, outcome.pop(turn % 8))
            self.added_or_told(outcome)
        self.assertEqual(
            [0, 0, 1],
            self.rest(models.Container, models.ContainerSecret, models.Secret),
        )
        self.assertEqual(0, self.listed()[1])

    def added_or_told(self, outcome: list[object]) -> None:
        for found in outcome:
            if found is not True:
                self.assertIsInstance(found, db_exc.DBReferenceError)

    def test_count_of_a_busy_project(self) -> None:
        member = Member(self.secret(), None)
        insert: Callable[[ContainerRow, Member], ContainerRow] = retried(
            self.insert
        )

        def work(number: int) -> None:
            rows = [insert(container(), member) for _ in range(6)]
            for row in rows[:4]:
                self.delete(row)

        self.assertEqual([None] * 8, self.together(8, work))
        rows, total = self.listed(limit=100)
        self.assertEqual((16, 16), (len(rows), total))
