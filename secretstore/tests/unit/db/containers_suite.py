# SPDX-License-Identifier: Apache-2.0
"""Containers and the secrets in them, on any database."""

import uuid

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore import errors
from secretstore.crypto.binding import digest
from secretstore.db import acls, containers, models, quotas, secrets
from secretstore.db.consumers import OF_CONTAINERS, ConsumerRow
from secretstore.db.containers import ContainerRow, Member
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base

OTHER = 'c' * 32
UNKNOWN = str(uuid.UUID(int=7))


def container(**fields: object) -> ContainerRow:
    row = ContainerRow(
        id=str(uuid.uuid4()),
        project_id=base.PROJECT,
        creator_id='b' * 32,
        name=None,
        type='generic',
        created_at=base.NOW,
        updated_at=base.NOW,
    )
    return row._replace(**fields)


class ContainerTest(base.DatabaseTest):
    def insert(self, row: ContainerRow, *members: Member) -> ContainerRow:
        with self.database.writing() as conn:
            containers.insert(conn, row, members)
        return row

    def secret(self) -> str:
        """The id of a new secret."""
        row = base.secret()
        self.store(row)
        return row.id

    @retried
    def delete(self, row: ContainerRow) -> bool:
        with self.database.writing() as conn:
            OF_CONTAINERS.forget(conn, [row.id])
            return containers.delete(conn, row.id)

    def get(self, row: ContainerRow) -> ContainerRow | None:
        with self.database.reading() as conn:
            return containers.get(conn, row.id)

    def members(self, row: ContainerRow) -> list[Member]:
        with self.database.reading() as conn:
            return containers.members(conn, [row.id])[row.id]

    def listed(
        self, *, name: str | None = None, type_: str | None = None, **page: int
    ) -> tuple[list[ContainerRow], int]:
        part = containers.Page(page.get('limit', 10), page.get('offset', 0))
        with self.database.reading() as conn:
            return containers.page(conn, base.PROJECT, part, name, type_)

    def rest(self, *tables: type[models.Base]) -> list[int]:
        with self.database.reading() as conn:
            return [
                conn.execute(
                    sa.select(sa.func.count()).select_from(models.table(table))
                ).scalar_one()
                for table in tables
            ]


class Containers(ContainerTest):
    def test_every_column_comes_back(self) -> None:
        full = container(
            name='clé \U0001f511 %_\\',
            type='certificate',
            updated_at=base.NOW + base.SECOND,
        )
        bare = container(creator_id=None)
        for row in (full, bare):
            self.insert(row)
            self.assertEqual(row, self.get(row))
            with self.database.writing() as conn:
                self.assertEqual(row, containers.lock(conn, row.id))
        with self.database.reading() as conn:
            self.assertIsNone(containers.get(conn, UNKNOWN))

    def test_members_in_order(self) -> None:
        one, two = sorted((self.secret(), self.secret()))
        members = [
            Member(two, 'b'),
            Member(two, None),
            Member(one, 'é'),
            Member(one, 'b'),
            Member(one, 'B'),
        ]
        row = self.insert(container(), *members)
        bare = self.insert(container())
        expected = [
            Member(two, None),
            Member(one, 'B'),
            Member(one, 'b'),
            Member(two, 'b'),
            Member(one, 'é'),
        ]
        with self.database.reading() as conn:
            self.assertEqual(
                {bare.id: [], row.id: expected},
                containers.members(conn, [bare.id, row.id]),
            )
            self.assertEqual({}, containers.members(conn, []))

    def test_same_id_twice(self) -> None:
        row = self.insert(container())
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self.insert(row)
        self.assertEqual(([row], 1), self.listed())

    def test_without_its_secret_nothing_is_there(self) -> None:
        row = container()
        with self.assertRaises(db_exc.DBReferenceError):
            self.insert(row, Member(self.secret(), None), Member(UNKNOWN, 'a'))
        self.assertIsNone(self.get(row))
        self.assertEqual([], self.members(row))
        self.assertEqual(([], 0), self.listed())

    def test_quota(self) -> None:
        limits = quotas.UNLIMITED._replace(containers=1)
        secret = self.secret()
        with self.database.writing() as conn:
            containers.insert(conn, container(), [], limits)
        with self.assertRaises(errors.QuotaReached):
            with self.database.writing() as conn:
                containers.insert(
                    conn, container(), [Member(secret, None)], limits
                )
        self.assertEqual(
            [1, 0], self.rest(models.Container, models.ContainerSecret)
        )

    def test_members_come_and_go(self) -> None:
        row, member = self.insert(container()), Member(self.secret(), 'a')
        others = [member._replace(name='A'), member._replace(name=None)]
        with self.database.writing() as conn:
            for one in (member, *others):
                containers.add_member(conn, row.id, one)
        with self.assertRaises(db_exc.DBDuplicateEntry):
            with self.database.writing() as conn:
                containers.add_member(conn, row.id, others[1])
        with self.database.writing() as conn:
            self.assertTrue(containers.remove_member(conn, row.id, member))
            self.assertFalse(containers.remove_member(conn, row.id, member))
            self.assertFalse(containers.remove_member(conn, UNKNOWN, member))
        self.assertEqual({*others}, {*self.members(row)})
        # It can come again.
        with self.database.writing() as conn:
            containers.add_member(conn, row.id, member)
        self.assertEqual(3, len(self.members(row)))
        self.assertEqual(row, self.get(row))

    def test_members_of_nothing(self) -> None:
        row = self.insert(container())
        for parent, secret in ((row.id, UNKNOWN), (UNKNOWN, self.secret())):
            with self.assertRaises(db_exc.DBReferenceError):
                with self.database.writing() as conn:
                    containers.add_member(conn, parent, Member(secret, 'a'))

    def test_delete_leaves_nothing_but_the_secrets(self) -> None:
        row, stays = container(), self.insert(container())
        secret = self.secret()
        self.insert(row, Member(secret, 'a'))
        with self.database.writing() as conn:
            locked = acls.OF_CONTAINERS.lock(conn, row.id, base.NOW)
            assert locked is not None
            acls.OF_CONTAINERS.put(conn, locked, False, ['u'], base.NOW)
        self.consume(row)
        with self.assertRaises(db_exc.DBReferenceError):
            with self.database.writing() as conn:
                containers.delete(conn, row.id)
        self.assertEqual([True, False], [self.delete(row), self.delete(row)])
        self.assertEqual(([stays], 1), self.listed())
        gone = models.ContainerAclUser, models.ContainerConsumer
        self.assertEqual(
            [0, 0, 0, 1],
            self.rest(models.ContainerSecret, *gone, models.Secret),
        )

    def consume(self, row: ContainerRow) -> None:
        consumer = ConsumerRow(
            id=str(uuid.uuid4()),
            parent_id=row.id,
            project_id=OTHER,
            digest=digest('n', 'u'),
            fields=('n', 'u'),
            created_at=base.NOW,
            updated_at=base.NOW,
        )
        with self.database.writing() as conn:
            OF_CONTAINERS.add(conn, consumer)

    def test_deleted_secrets_are_out(self) -> None:
        row, gone = container(), base.secret()
        self.store(gone)
        stays = Member(self.secret(), 'stays')
        self.insert(row, Member(gone.id, 'a'), stays, Member(gone.id, 'b'))
        self.remove(gone)
        self.assertEqual([stays], self.members(row))

    def test_hold(self) -> None:
        own = base.secret()
        later = base.secret(expiration=base.NOW + base.SECOND)
        expired = base.secret(expiration=base.NOW)
        foreign = base.secret(project_id=OTHER)
        self.store(own, later, expired, foreign)
        ids = [row.id for row in (own, later, expired, foreign)]
        with self.database.writing() as conn:
            for wanted, expected in (
                ([*ids, UNKNOWN], {own.id, later.id}),
                ([own.id], {own.id}),
                ([foreign.id], set()),
                ([], set()),
            ):
                held = secrets.hold(conn, base.PROJECT, wanted, base.NOW)
                self.assertEqual(expected, held)

    def test_pages(self) -> None:
        rows = [
            self.insert(container(created_at=base.NOW + base.SECOND * n))
            for n in range(7)
        ]
        self.insert(container(project_id=OTHER))
        for offset in range(9):
            self.assertEqual(
                (rows[offset : offset + 3], 7),
                self.listed(limit=3, offset=offset),
            )
            part = containers.Page(3, offset, marker=rows[1].id)
            with self.database.reading() as conn:
                found = containers.page(conn, base.PROJECT, part)
            self.assertEqual((rows[2:5], 7), found)

    def test_filters(self) -> None:
        rsa = self.insert(container(name='a_', type='rsa'))
        self.insert(container(name='A_'))
        self.insert(container(name='ab'))
        self.insert(container(name='a_', project_id=OTHER))
        self.assertEqual(([rsa], 1), self.listed(name='a_'))
        self.assertEqual(([rsa], 1), self.listed(type_='rsa'))
        self.assertEqual(([rsa], 1), self.listed(name='a_', type_='rsa'))
        self.assertEqual(([], 0), self.listed(name='ab', type_='rsa'))
        self.assertEqual(([], 0), self.listed(name='a%'))
        self.assertEqual(2, self.listed(type_='generic')[1])

    def test_statements(self) -> None:
        """As many for a hundred secrets as for one."""
        for count in (1, 100):
            members = [Member(self.secret(), 'a') for _ in range(count)]
            row = container()
            with (
                self.database.writing() as conn,
                base.statements(conn) as seen,
            ):
                ids = {member.secret_id for member in members}
                secrets.hold(conn, base.PROJECT, ids, base.NOW)
                self.assertEqual(1, len(seen))
                containers.insert(conn, row, members)
                self.assertEqual(4, len(seen), seen)
                containers.members(conn, [row.id, UNKNOWN])
                self.assertEqual(5, len(seen), seen)
                containers.page(conn, base.PROJECT, containers.Page(100))
                self.assertEqual(6, len(seen), seen)
                containers.delete(conn, row.id)
                self.assertEqual(8, len(seen), seen)
