# SPDX-License-Identifier: Apache-2.0
"""Consumers of secrets and of containers, on any database."""

from collections.abc import Sequence
import datetime
import uuid

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore.crypto.binding import digest
from secretstore.db import consumers, models, secrets
from secretstore.db.consumers import OF_SECRETS, ConsumerRow
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base

LATER = base.NOW + base.SECOND


def consumer(
    parent_id: str,
    *fields: str,
    project_id: str = base.PROJECT,
    at: datetime.datetime = base.NOW,
) -> ConsumerRow:
    return ConsumerRow(
        id=str(uuid.uuid4()),
        parent_id=parent_id,
        project_id=project_id,
        digest=digest(*fields),
        fields=fields,
        created_at=at,
        updated_at=at,
    )


class Counted(base.DatabaseTest):
    def counts(self) -> dict[str, int]:
        """How many consumers each project is said to have, if any."""
        usage = models.table(models.ProjectUsage)
        count = sa.func.sum(usage.c.consumers)
        with self.database.reading() as conn:
            rows = conn.execute(
                sa.select(usage.c.project_id, count)
                .group_by(usage.c.project_id)
                .having(count != 0)
            )
            return {project_id: int(found) for project_id, found in rows}


class Consumers(Counted):
    """Of secrets; a subclass asks the same of those of containers."""

    of = OF_SECRETS

    def parent(self) -> str:
        row = base.secret()
        self.store(row)
        return row.id

    def fields(self, number: int) -> tuple[str, ...]:
        return ('clé \U0001f511', 'x' * 255, str(number))

    def add(self, *rows: ConsumerRow) -> None:
        with self.database.writing() as conn:
            for row in rows:
                self.of.add(conn, row)

    def all(self, *parents: str) -> dict[str, list[ConsumerRow]]:
        with self.database.reading() as conn:
            return self.of.of(conn, parents)

    def rows(self, parent: str, count: int) -> Sequence[ConsumerRow]:
        """New consumers in the order in which lists have them."""
        rows = [
            consumer(
                parent,
                *self.fields(number),
                at=base.NOW + base.SECOND * (number // 3),
            )
            for number in range(count)
        ]
        self.add(*rows)
        return sorted(rows, key=lambda row: (row.created_at, row.id))

    def test_what_is_added_comes_back(self) -> None:
        one, other, bare = (self.parent() for _ in range(3))
        rows = {one: self.rows(one, 7), other: self.rows(other, 2), bare: []}
        self.assertEqual(rows, self.all(one, other, bare))
        self.assertEqual({}, self.all())
        with self.database.reading() as conn:
            for row in rows[one]:
                self.assertEqual(row, self.of.get(conn, one, row.id))
                self.assertIsNone(self.of.get(conn, other, row.id))
        self.assertEqual({base.PROJECT: 9}, self.counts())

    def test_the_parent_tells_when(self) -> None:
        parent = self.parent()
        self.add(consumer(parent, *self.fields(1), at=LATER))
        table = self.of._parents
        with self.database.reading() as conn:
            found = conn.execute(
                sa.select(table.c.created_at, table.c.updated_at)
            ).one()
        self.assertEqual((base.NOW, LATER), tuple(found))

    def test_once(self) -> None:
        parent = self.parent()
        self.add(consumer(parent, *self.fields(1)))
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self.add(consumer(parent, *self.fields(1)))
        self.add(consumer(self.parent(), *self.fields(1)))
        self.assertEqual({base.PROJECT: 2}, self.counts())

    def test_of_no_parent(self) -> None:
        with self.assertRaises(db_exc.DBReferenceError):
            self.add(consumer(str(uuid.uuid4()), *self.fields(1)))

    def test_remove(self) -> None:
        parent = self.parent()
        gone, *rest = self.rows(parent, 3)
        with self.database.writing() as conn:
            self.of.remove(conn, gone)
        self.assertEqual({parent: rest}, self.all(parent))
        self.assertEqual({base.PROJECT: 2}, self.counts())

    def test_pages(self) -> None:
        parent = self.parent()
        rows = self.rows(parent, 11)
        self.rows(self.parent(), 2)
        with self.database.reading() as conn:
            for offset in range(13):
                for marker in (None, rows[min(offset, 11) - 1].id):
                    page = consumers.Page(
                        4, offset, marker=marker if offset else None
                    )
                    self.assertEqual(
                        (rows[offset : offset + 4], 11),
                        self.of.page(conn, parent, page),
                        page,
                    )

    def test_parent_stays_while_it_has_any(self) -> None:
        parent = self.parent()
        self.rows(parent, 1)
        with self.assertRaises(db_exc.DBReferenceError):
            with self.database.writing() as conn:
                conn.execute(sa.delete(self.of._parents))
        self.assertEqual(1, len(self.all(parent)[parent]))

    def test_forget(self) -> None:
        one, other, stays = (self.parent() for _ in range(3))
        for parent in (one, other, stays):
            self.add(
                consumer(parent, *self.fields(1)),
                consumer(parent, *self.fields(2), project_id='another'),
                consumer(parent, *self.fields(3), project_id='another'),
            )
        with self.database.writing() as conn:
            self.of.forget(conn, {one, other})
            table = self.of._parents
            conn.execute(sa.delete(table).where(table.c.id.in_([one, other])))
        self.assertEqual({base.PROJECT: 1, 'another': 2}, self.counts())
        self.assertEqual(3, len(self.all(stays)[stays]))

    def test_statements(self) -> None:
        """As many for a hundred consumers as for one."""
        for count in (1, 100):
            parents = [self.parent(), self.parent()]
            row = self.rows(parents[0], count)[0]
            with (
                self.database.writing() as conn,
                base.statements(conn) as seen,
            ):
                self.of.of(conn, parents)
                self.assertEqual(1, len(seen))
                self.of.page(conn, parents[0], consumers.Page(100))
                self.assertEqual(2, len(seen))
                self.of.remove(conn, row)
                self.assertEqual(4, len(seen))
                self.of.add(conn, row)
                self.assertEqual(8, len(seen))
                self.of.forget(conn, parents)
                self.assertEqual(12, len(seen), seen)
                self.of.forget(conn, parents)
                self.assertEqual(14, len(seen), seen)
                self.of.forget(conn, [])
                self.assertEqual(14, len(seen), seen)


class ConsumersOfContainers(Consumers):
    of = consumers.OF_CONTAINERS

    def parent(self) -> str:
        return self.store_container()

    def fields(self, number: int) -> tuple[str, ...]:
        return ('clé \U0001f511', f'https://{number}/' + 'x' * 1000)


class ConsumersTogether(Counted):
    """What happens at the same time as something else."""

    def setUp(self) -> None:
        super().setUp()
        self.row = base.secret()
        self.store(self.row)

    @retried
    def add(self, new: ConsumerRow) -> bool:
        """As who adds should do it; False when the secret is gone."""
        with self.database.writing() as conn:
            if secrets.lock(conn, new.parent_id, base.NOW) is None:
                return False
            known = OF_SECRETS.of(conn, [new.parent_id])[new.parent_id]
            if new.digest not in {row.digest for row in known}:
                OF_SECRETS.add(conn, new)
        return True

    @retried
    def remove_consumer(self, like: ConsumerRow) -> bool:
        with self.database.writing() as conn:
            secrets.lock(conn, like.parent_id, base.NOW)
            for row in OF_SECRETS.of(conn, [like.parent_id])[like.parent_id]:
                if row.digest == like.digest:
                    OF_SECRETS.remove(conn, row)
                    return True
        return False

    @retried
    def delete(self, forced: bool) -> bool:
        """False when consumers forbid it."""
        try:
            with self.database.writing() as conn:
                if forced:
                    OF_SECRETS.forget(conn, [self.row.id])
                secrets.delete(conn, self.row.id)
        except db_exc.DBReferenceError:
            return False
        return True

    def left(self) -> int:
        with self.database.reading() as conn:
            return len(OF_SECRETS.of(conn, [self.row.id])[self.row.id])

    def test_the_same_consumer_comes_and_goes(self) -> None:
        def work(number: int) -> int:
            balance = 0
            for turn in range(6):
                same = consumer(self.row.id, 'a', 'b', 'c')
                if (number + turn) % 2:
                    self.add(same)
                else:
                    balance += self.remove_consumer(same)
            return balance

        outcome = self.together(8, work)
        self.assertEqual([int] * 8, [type(found) for found in outcome])
        left = self.left()
        self.assertIn(left, (0, 1))
        self.assertEqual(left, self.counts().get(base.PROJECT, 0))

    def test_added_while_the_secret_is_deleted(self) -> None:
        """Whoever was told that it is there finds the secret there."""
        for turn in range(12):
            self.setUp()
            adders = 7

            def work(number: int, first: int = turn % 8) -> bool:
                if number == first:
                    return self.delete(forced=False)
                return self.add(consumer(self.row.id, 'a', 'b', str(number)))

            outcome = self.together(adders + 1, work)
            deleted = outcome.pop(turn % 8)
            self.assertEqual([not deleted] * adders, outcome, turn)
            self.assertEqual(0 if deleted else adders, self.left())
            with self.database.reading() as conn:
                found = secrets.get(conn, self.row.id, base.NOW)
            self.assertEqual(deleted, found is None)
            expected = {} if deleted else {base.PROJECT: adders}
            self.assertEqual(expected, self.counts())

    def test_added_while_the_secret_is_deleted_with_force(self) -> None:
        for turn in range(12):
            self.setUp()

            def work(number: int, first: int = turn % 8) -> bool:
                if number == first:
                    return self.delete(forced=True)
                return self.add(
                    consumer(
                        self.row.id, 'a', 'b', str(number), project_id='other'
                    )
                )

            outcome = self.together(8, work)
            self.assertIs(True, outcome.pop(turn % 8))
            self.assertLessEqual(set(outcome), {True, False}, turn)
            self.assertEqual((0, {}), (self.left(), self.counts()))
            self.assertEqual(0, self.total())
