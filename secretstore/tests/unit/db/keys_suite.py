# SPDX-License-Identifier: Apache-2.0
"""Keys and user metadata, on any database."""

from typing import Any
import uuid

from oslo_db import exception as db_exc

from secretstore.db import keys, metadata, secrets
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base


def _master_key(**fields: Any) -> keys.MasterKeyRow:
    return keys.MasterKeyRow(
        id=str(uuid.uuid4()),
        strategy='proprietary',
        reference='master-1',
        check_value=b'\x00\xff',
        in_use=True,
        created_at=base.NOW,
        retired_at=None,
    )._replace(**fields)


class Keys(base.DatabaseTest):
    def _add_master(self, row: keys.MasterKeyRow) -> None:
        with self.database.writing() as conn:
            keys.add_master_key(conn, row)

    def _project_key(self, **fields: Any) -> keys.ProjectKeyRow:
        return keys.ProjectKeyRow(
            id=str(uuid.uuid4()),
            project_id=base.PROJECT,
            master_key_id=self.master.id,
            wrapped_key=b'\x00wrapped',
            in_use=True,
            created_at=base.NOW,
        )._replace(**fields)

    def _add_project(self, row: keys.ProjectKeyRow) -> None:
        with self.database.writing() as conn:
            keys.add_project_key(conn, row)

    def setUp(self) -> None:
        super().setUp()
        self.master = _master_key()

    def test_none_yet(self) -> None:
        with self.database.reading() as conn:
            self.assertIsNone(keys.master_key_in_use(conn, 'proprietary'))
            self.assertIsNone(keys.master_key(conn, self.master.id))
            self.assertEqual([], keys.master_keys(conn))
            self.assertIsNone(keys.project_key_in_use(conn, base.PROJECT))
            self.assertIsNone(keys.project_key(conn, self.master.id))

    def test_master_keys(self) -> None:
        retired = [
            _master_key(
                in_use=False,
                created_at=base.NOW - base.SECOND * age,
                retired_at=base.NOW,
            )
            for age in (2, 1)
        ]
        for row in (self.master, *retired):
            self._add_master(row)
        with self.database.reading() as conn:
            self.assertEqual(
                self.master, keys.master_key_in_use(conn, 'proprietary')
            )
            self.assertIsNone(keys.master_key_in_use(conn, 'another'))
            self.assertEqual([self.master], keys.master_keys_in_use(conn))
            self.assertEqual(retired[1], keys.master_key(conn, retired[1].id))
            self.assertEqual([*retired, self.master], keys.master_keys(conn))

    def test_project_keys(self) -> None:
        self._add_master(self.master)
        rows = [
            self._project_key(),
            self._project_key(in_use=False),
            self._project_key(in_use=False),
            self._project_key(project_id='another'),
        ]
        for row in rows:
            self._add_project(row)
        with self.database.reading() as conn:
            self.assertEqual(
                rows[0], keys.project_key_in_use(conn, base.PROJECT)
            )
            for row in rows:
                self.assertEqual(row, keys.project_key(conn, row.id))

    def test_project_key_needs_its_master_key(self) -> None:
        with self.assertRaises(db_exc.DBReferenceError):
            self._add_project(self._project_key())

    def test_one_master_key_in_use(self) -> None:
        @retried
        def add(number: int) -> None:
            self._add_master(_master_key())

        self._one_won(self.together(16, add))
        with self.database.reading() as conn:
            self.assertEqual(1, len(keys.master_keys(conn)))

    def test_one_project_key_in_use(self) -> None:
        self._add_master(self.master)

        @retried
        def add(number: int) -> None:
            self._add_project(self._project_key())

        self._one_won(self.together(16, add))

    def test_one_master_key_in_use_of_each_strategy(self) -> None:
        other = _master_key(
            strategy='another', created_at=base.NOW + base.SECOND
        )
        for row in (self.master, other):
            self._add_master(row)
        with self.database.reading() as conn:
            self.assertEqual(other, keys.master_key_in_use(conn, 'another'))
            self.assertEqual(
                [self.master, other], keys.master_keys_in_use(conn)
            )

    def _one_won(self, outcome: list[Any]) -> None:
        self.assertEqual(1, outcome.count(None), outcome)
        outcome.remove(None)
        for error in outcome:
            self.assertIsInstance(error, db_exc.DBDuplicateEntry)


class Metadata(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.row = base.secret()
        self.store(self.row)

    def _all(self) -> dict[str, str]:
        with self.database.reading() as conn:
            return metadata.get_all(conn, self.row.id)

    def test_all(self) -> None:
        self.assertEqual({}, self._all())
        for values in ({'b': '1', 'a': 'é' * 300, 'B': ''}, {'a': '2'}, {}):
            with self.database.writing() as conn:
                metadata.replace_all(conn, self.row.id, values)
            self.assertEqual(values, self._all())

    def test_single(self) -> None:
        of = self.row.id
        with self.database.writing() as conn:
            metadata.add(conn, of, 'a', '1')
            metadata.add(conn, of, 'A', '3')
        self.assertEqual({'A': '3', 'a': '1'}, self._all())
        with self.database.writing() as conn:
            self.assertTrue(metadata.update(conn, of, 'a', '4'))
            self.assertTrue(metadata.update(conn, of, 'a', '4'))
            self.assertFalse(metadata.update(conn, of, 'b', '5'))
            self.assertEqual('4', metadata.get(conn, of, 'a'))
            self.assertIsNone(metadata.get(conn, of, 'b'))
            self.assertTrue(metadata.delete(conn, of, 'a'))
            self.assertFalse(metadata.delete(conn, of, 'a'))
        self.assertEqual({'A': '3'}, self._all())

    def test_secret_deleted_meanwhile(self) -> None:
        self.remove(self.row)
        with self.assertRaises(db_exc.DBReferenceError):
            with self.database.writing() as conn:
                metadata.add(conn, self.row.id, 'a', '1')

    def test_replaced_together(self) -> None:
        @retried
        def replace(number: int) -> None:
            values = {f'{key}': str(number) for key in range(5)}
            with self.database.writing() as conn:
                secrets.lock(conn, self.row.id, base.NOW)
                metadata.replace_all(conn, self.row.id, values)

        self.assertEqual([None] * 8, self.together(8, replace))
        self.assertEqual(1, len(set(self._all().values())))
        self.assertEqual(5, len(self._all()))
