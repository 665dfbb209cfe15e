# SPDX-License-Identifier: Apache-2.0
"""Access lists of secrets and of containers, on any database."""

from collections.abc import Collection
import datetime
from typing import Any
import uuid

import sqlalchemy as sa

from secretstore.db import acls, models, secrets
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base

LATER = base.NOW + base.SECOND
USERS = ['a' * 64, 'clé \U0001f511', 'x' * 255]


class Acls(base.DatabaseTest):
    """Of secrets; a subclass asks the same of those of containers."""

    of = acls.OF_SECRETS
    parents: type[models.Base] = models.Secret
    users: type[models.Base] = models.SecretAclUser

    def parent(self) -> str:
        row = base.secret()
        self.store(row)
        return row.id

    def put(
        self,
        parent: str,
        project_access: bool,
        users: Collection[str] | None,
        at: datetime.datetime = base.NOW,
    ) -> None:
        with self.database.writing() as conn:
            row = self.of.lock(conn, parent, base.NOW)
            assert row is not None
            self.of.put(conn, row, project_access, users, at)

    def remove(self, parent: str) -> None:  # type: ignore[override]
        with self.database.writing() as conn:
            row = self.of.lock(conn, parent, base.NOW)
            assert row is not None
            self.of.remove(conn, row)

    def get(self, parent: str) -> tuple[Any, ...]:
        """Access, when it was made and changed, users."""
        with self.database.reading() as conn:
            found = self.of.get(conn, parent, base.NOW)
        assert found is not None
        row, users = found
        self.assertEqual((parent, base.PROJECT), row[:2])
        return (*row[3:], users)

    def test_none(self) -> None:
        parent = self.parent()
        none = (None, None, None, [])
        self.assertEqual(none, self.get(parent))
        self.remove(parent)
        self.assertEqual(none, self.get(parent))
        with self.database.reading() as conn:
            seen = self.of.seen_by(conn, parent, USERS[0])
        self.assertEqual((None, False), seen)

    def test_of_nothing(self) -> None:
        unknown = str(uuid.uuid4())
        with self.database.writing() as conn:
            self.assertIsNone(self.of.get(conn, unknown, base.NOW))
            self.assertIsNone(self.of.lock(conn, unknown, base.NOW))
            self.assertIsNone(self.of.seen_by(conn, unknown, 'a'))

    def test_what_is_put_comes_back(self) -> None:
        parent, other = self.parent(), self.parent()
        self.put(parent, False, [*reversed(USERS)])
        self.put(other, True, [])
        self.assertEqual((False, base.NOW, base.NOW, USERS), self.get(parent))
        self.assertEqual((True, base.NOW, base.NOW, []), self.get(other))

    def test_change(self) -> None:
        parent = self.parent()
        self.put(parent, False, USERS)
        self.put(parent, True, None, LATER)
        self.assertEqual((True, base.NOW, LATER, USERS), self.get(parent))
        self.put(parent, True, [USERS[1], 'new'], LATER)
        self.assertEqual(
            (True, base.NOW, LATER, [USERS[1], 'new']), self.get(parent)
        )
        self.put(parent, False, [], LATER)
        self.assertEqual((False, base.NOW, LATER, []), self.get(parent))

    def test_the_parent_tells_when(self) -> None:
        parent = self.parent()
        self.put(parent, True, [], LATER)
        self.remove(parent)
        table = models.table(self.parents)
        with self.database.reading() as conn:
            found = conn.execute(
                sa.select(table.c.created_at, table.c.updated_at)
            ).one()
        self.assertEqual((base.NOW, LATER), tuple(found))

    def test_remove(self) -> None:
        parent, other = self.parent(), self.parent()
        self.put(parent, False, USERS)
        self.put(other, False, USERS)
        self.remove(parent)
        self.assertEqual((None, None, None, []), self.get(parent))
        self.assertEqual((False, base.NOW, base.NOW, USERS), self.get(other))
        self.put(parent, True, ['a'], LATER)
        self.assertEqual((True, LATER, LATER, ['a']), self.get(parent))

    def test_as_users_see_it(self) -> None:
        parent, other = self.parent(), self.parent()
        self.put(parent, False, USERS)
        self.put(other, True, ['other'])
        with self.database.reading() as conn:
            for user, expected in (
                *((user, True) for user in USERS),
                ('other', False),
                (USERS[0].upper(), False),
                (None, False),
            ):
                self.assertEqual(
                    (False, expected), self.of.seen_by(conn, parent, user)
                )

    def test_goes_with_its_object(self) -> None:
        parent = self.parent()
        self.put(parent, True, USERS)
        with self.database.writing() as conn:
            conn.execute(sa.delete(models.table(self.parents)))
        with self.database.reading() as conn:
            users = sa.select(models.table(self.users))
            self.assertEqual([], conn.execute(users).all())

    def test_statements(self) -> None:
        """As many for any number of users."""
        parent = self.parent()
        counts = set()
        for count in (1, 20, 700):
            users = [f'{number:032}' for number in range(count)]
            with (
                self.database.writing() as conn,
                base.statements(conn) as seen,
            ):
                row = self.of.lock(conn, parent, base.NOW)
                assert row is not None
                self.of.put(conn, row, True, users, base.NOW)
                written = len(seen)
                self.of.get(conn, parent, base.NOW)
                self.assertEqual(written + 1, len(seen), seen)
                self.of.seen_by(conn, parent, users[0])
                self.assertEqual(written + 2, len(seen), seen)
            counts.add(written)
        # A new list has no users to remove.
        self.assertEqual({3, 4}, counts)


class AclsOfContainers(Acls):
    of = acls.OF_CONTAINERS
    parents = models.Container
    users = models.ContainerAclUser

    def parent(self) -> str:
        return self.store_container()


class AclsOfSecrets(Acls):
    def shared(
        self, user: str, **fields: Any
    ) -> tuple[list[secrets.SecretRow], int]:
        filters = fields.pop('filters', secrets.Filters())
        page = secrets.Page(**{'limit': 100} | fields)
        with self.database.reading() as conn:
            return secrets.shared(conn, user, filters, page, base.NOW)

    def test_none_of_an_expired_secret(self) -> None:
        row = base.secret(expiration=base.NOW)
        self.store(row)
        with self.database.writing() as conn:
            self.assertIsNone(self.of.get(conn, row.id, base.NOW))
            self.assertIsNone(self.of.lock(conn, row.id, base.NOW))

    def share(self) -> list[secrets.SecretRow]:
        """What is shared with 'me' and not expired, in order."""
        rows = [
            base.secret(
                name=str(number % 2),
                project_id=f'project-{number % 3}',
                created_at=base.NOW + base.SECOND * (number // 2),
            )
            for number in range(9)
        ]
        gone = base.secret(expiration=base.NOW)
        self.store(*rows, gone)
        with self.database.writing() as conn:
            for row in (*rows, gone):
                found = self.of.lock(conn, row.id, base.NOW - base.SECOND)
                assert found is not None
                self.of.put(conn, found, False, ['me', 'you'], base.NOW)
        return sorted(rows, key=lambda row: (row.created_at, row.id))

    def test_what_is_shared_with_a_user(self) -> None:
        rows = self.share()
        ids = [row.id for row in rows]

        def listed(**fields: Any) -> list[str]:
            found, total = self.shared('me', **fields)
            expected = 4 if 'filters' in fields else 9
            self.assertEqual(expected, total)
            return [row.id for row in found]

        self.assertEqual(ids, listed())
        self.assertEqual(([], 0), self.shared('nobody'))
        for offset in range(9):
            part = ids[offset : offset + 4]
            self.assertEqual(part, listed(limit=4, offset=offset))
            if offset:
                marker = ids[offset - 1]
                self.assertEqual(
                    part, listed(limit=4, offset=offset, marker=marker)
                )
        alone = base.secret()
        self.store(alone)
        # A marker that is not in the list means nothing.
        self.assertEqual(ids[2:4], listed(limit=2, offset=2, marker=alone.id))
        odd = [row.id for row in rows if row.name == '1']
        self.assertEqual(odd, listed(filters=secrets.Filters(name='1')))
        by_project = sorted(rows, key=lambda row: row.name or '', reverse=True)
        self.assertEqual(
            [row.id for row in by_project], listed(sort=(('name', True),))
        )


class AclsTogether(base.DatabaseTest):
    of = acls.OF_SECRETS

    @retried
    def change(self, row: secrets.SecretRow, number: int) -> bool:
        """Put a list by whose users it is told; False without a secret."""
        with self.database.writing() as conn:
            found = self.of.lock(conn, row.id, base.NOW)
            if found is None:
                return False
            users = [f'{number}-{user}' for user in range(20)]
            self.of.put(conn, found, True, users, base.NOW)
        return True

    def test_one_of_many_changes_wins(self) -> None:
        row = base.secret()
        self.store(row)
        outcome = self.together(16, lambda number: self.change(row, number))
        self.assertEqual([True] * 16, outcome)
        with self.database.reading() as conn:
            found = self.of.get(conn, row.id, base.NOW)
        assert found is not None
        users = found[1]
        winner = users[0].split('-')[0]
        self.assertEqual(
            sorted(f'{winner}-{user}' for user in range(20)), users
        )

    def test_changes_while_the_secret_is_deleted(self) -> None:
        for _ in range(5):
            row = base.secret()
            self.store(row)

            def work(number: int, row: secrets.SecretRow = row) -> bool:
                if number % 4 == 3:
                    return retried(self.remove)(row)
                return self.change(row, number)

            outcome = self.together(16, work)
            self.assertEqual([], [got for got in outcome if got not in (0, 1)])
            self.assertEqual(1, outcome[3::4].count(True), outcome)
            with self.database.reading() as conn:
                users = sa.select(models.table(models.SecretAclUser))
                self.assertEqual([], conn.execute(users).all())
