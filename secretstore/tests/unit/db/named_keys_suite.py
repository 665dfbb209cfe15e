# SPDX-License-Identifier: Apache-2.0
"""Named keys, on any database."""

from typing import Any
import uuid

from oslo_db import exception as db_exc

from secretstore.db import named_keys, paging
from secretstore.tests.unit.db import base


def key(**fields: Any) -> named_keys.NamedKeyRow:
    return named_keys.NamedKeyRow(
        id=str(uuid.uuid4()),
        project_id=base.PROJECT,
        kind='backup',
        object_id='one',
        title='Größe 1 🗝',
        algorithm='aes',
        mode='cbc',
        bit_length=256,
        strategy='proprietary',
        reference=None,
        project_key_id=base.PAYLOAD.project_key_id,
        envelope=base.PAYLOAD.envelope,
        created_at=base.NOW,
    )._replace(**fields)


class NamedKeys(base.DatabaseTest):
    def add(self, row: named_keys.NamedKeyRow) -> None:
        with self.database.writing() as conn:
            named_keys.add(conn, row)

    def get(
        self,
        project: str = base.PROJECT,
        kind: str = 'backup',
        one: str = 'one',
    ) -> named_keys.NamedKeyRow | None:
        with self.database.reading() as conn:
            return named_keys.get(conn, project, kind, one)

    def test_as_it_was_stored(self) -> None:
        kept = key()
        elsewhere = key(
            kind='replication-user',
            title='',
            algorithm=None,
            mode=None,
            bit_length=None,
            reference='x' * 255,
            project_key_id=None,
            envelope=None,
        )
        for row in (kept, elsewhere):
            self.add(row)
        self.assertEqual(kept, self.get())
        self.assertEqual(elsewhere, self.get(kind='replication-user'))

    def test_names_are_told_apart_by_their_bytes(self) -> None:
        names = ('one', 'ONE', 'öne', 'x' * 255)
        rows = {name: key(object_id=name) for name in names}
        for row in rows.values():
            self.add(row)
        for name, row in rows.items():
            self.assertEqual(row, self.get(one=name))
        self.assertIsNone(self.get(one='One'))
        self.assertIsNone(self.get(project='another'))

    def test_one_of_a_name(self) -> None:
        self.add(key())
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self.add(key(title='another'))
        self.add(key(project_id='another'))

    def test_added_together(self) -> None:
        outcome = self.together(8, lambda _: self.add(key()))
        failed = [each for each in outcome if each is not None]
        self.assertEqual(7, len(failed))
        for each in failed:
            self.assertIsInstance(each, db_exc.DBDuplicateEntry)

    def test_deleted(self) -> None:
        row = key()
        self.add(row)
        for expected in (True, False):
            with self.database.writing() as conn:
                self.assertEqual(expected, named_keys.delete(conn, row.id))
        self.assertIsNone(self.get())

    def test_kept_by_strategies(self) -> None:
        def kept() -> dict[str, int]:
            with self.database.reading() as conn:
                return named_keys.kept_by_strategies(conn)

        before = kept()
        for number, strategy in enumerate(('one', 'two', 'one')):
            self.add(
                key(
                    project_id=uuid.uuid4().hex,
                    strategy=strategy,
                    reference=str(number),
                    project_key_id=None,
                    envelope=None,
                )
            )
        # The strategy has said how it is made, and needs it no more.
        self.add(key(project_id=uuid.uuid4().hex, strategy='three'))
        self.assertEqual(
            {'one': 2, 'two': 1}, dict(kept().items() - before.items())
        )

    def test_pages(self) -> None:
        project = uuid.uuid4().hex
        # In the order of their bytes, whatever the database's language.
        names = ['B', 'Z', '_', 'a', 'a-', 'b']
        for name in reversed(names):
            self.add(key(project_id=project, object_id=name))
        self.add(key(project_id=project, object_id='a', kind='other'))
        self.add(key(project_id=uuid.uuid4().hex, object_id='a'))

        def page(**asked: Any) -> tuple[list[str], int]:
            with self.database.reading() as conn:
                found, total = named_keys.page(
                    conn, project, 'backup', paging.Page(limit=4, **asked)
                )
            for entry in found:
                self.assertEqual(
                    ('Größe 1 🗝', 'aes', 'cbc', 256, base.NOW), entry[1:]
                )
            return [entry.object_id for entry in found], total

        self.assertEqual((names[:4], 6), page())
        self.assertEqual((names[5:], 6), page(offset=5))
        self.assertEqual((names[3:], 6), page(marker='_'))
        # Which has no key.
        self.assertEqual((names[2:], 6), page(marker='Zz', offset=3))
