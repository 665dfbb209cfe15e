# SPDX-License-Identifier: Apache-2.0
"""Consumers of secrets and of containers, on any database."""

from collections.abc import Sequence
import datetime
import threading
from typing import Any
import uuid

from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import event

from secretstore.crypto.binding import digest
from secretstore.db import consumers, models
from secretstore.db.consumers import OF_SECRETS, ConsumerRow
from secretstore.db.usage import _SHARDS
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

    def of_projects(self, parent: str, count: int) -> list[ConsumerRow]:
        """New consumers, each of another project."""
        return [
            consumer(parent, *self.fields(number), project_id=str(number))
            for number in range(count)
        ]

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

    def test_remove_once(self) -> None:
        """Of two who remove the same one, one counts it."""
        parent = self.parent()
        row, _ = self.rows(parent, 2)
        for _ in range(2):
            with self.database.writing() as conn:
                self.of.remove(conn, row)
        self.assertEqual({base.PROJECT: 1}, self.counts())

    def test_remove_those_of_a_project(self) -> None:
        one, other = self.parent(), self.parent()
        ids = [row.id for row in (*self.rows(one, 3), *self.rows(other, 2))]
        for expected in (5, 0):
            with self.database.writing() as conn:
                done = self.of.remove_of(conn, base.PROJECT, ids)
            self.assertEqual(expected, done)
        self.assertEqual({one: [], other: []}, self.all(one, other))
        self.assertEqual({}, self.counts())

    def test_removed_by_two(self) -> None:
        """With their parent, while others remove those of a project."""
        parent = self.parent()
        ids = [row.id for row in self.rows(parent, 3)]

        def remove() -> None:
            with self.database.writing() as conn:
                self.of.remove_of(conn, base.PROJECT, ids)

        thread = threading.Thread(target=remove)

        def meanwhile(*args: Any) -> None:
            if args[2].startswith('DELETE') and not thread.ident:
                thread.start()
                # It waits until we are done; as long as it may not, here.
                thread.join(0.5)

        with self.database.writing() as conn:
            event.listen(conn, 'before_cursor_execute', meanwhile)
            self.of.forget(conn, [parent])
        thread.join()
        self.assertEqual({}, self.counts())

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

    def test_forget_those_of_many_projects(self) -> None:
        """Each loses as many as it had, whether it has others or none."""
        one, other, stays = (self.parent() for _ in range(3))
        for parent in (one, other):
            self.add(*self.of_projects(parent, 1100))
        self.add(*self.of_projects(stays, 3))
        for parent in (one, other):
            with self.database.writing() as conn:
                self.of.forget(conn, [parent])
        self.assertEqual({'0': 1, '1': 1, '2': 1}, self.counts())

    def test_forget_counts_where_nobody_waits(self) -> None:
        """Its rows are kept until the transaction ends."""
        gone = self.parent()
        self.add(consumer(gone, *self.fields(1)))
        with self.database.writing() as conn:
            self.of.forget(conn, [gone])
            usage = models.table(models.ProjectUsage)
            shards = conn.execute(
                sa.select(usage.c.shard).where(usage.c.consumers < 0)
            ).scalars()
            self.assertEqual([], [n for n in shards if n < _SHARDS])

    def test_statements(self) -> None:
        """As many for the consumers of a hundred projects as for one."""
        for count in (1, 100):
            parents = [self.parent(), self.parent()]
            row = self.rows(parents[0], count)[0]
            self.add(*self.of_projects(parents[1], count))
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
                self.assertEqual(7, len(seen))
                self.of.forget(conn, parents)
                self.assertEqual(11, len(seen), seen)
                self.of.forget(conn, parents)
                self.assertEqual(13, len(seen), seen)
                self.of.forget(conn, [])
                self.assertEqual(13, len(seen), seen)


class ConsumersOfContainers(Consumers):
    of = consumers.OF_CONTAINERS

    def parent(self) -> str:
        return self.store_container()

    def fields(self, number: int) -> tuple[str, ...]:
        return ('clé \U0001f511', f'https://{number}/' + 'x' * 1000)
