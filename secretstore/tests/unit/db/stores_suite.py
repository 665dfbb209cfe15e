# SPDX-License-Identifier: Apache-2.0
"""Secret stores and transport keys, on any database."""

from typing import Any
import uuid

from oslo_db import exception as db_exc

from secretstore.db import keys, paging, secret_stores, transport_keys
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base


def _store(strategy: str) -> secret_stores.SecretStoreRow:
    return secret_stores.SecretStoreRow(
        str(uuid.uuid4()), strategy, base.NOW, base.NOW
    )


class SecretStores(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = _store('one'), _store('two')
        for row in (self.one, self.two):
            self._add(row)

    def _add(self, row: secret_stores.SecretStoreRow) -> None:
        with self.database.writing() as conn:
            secret_stores.add(conn, row)

    def _prefer(self, store: secret_stores.SecretStoreRow) -> None:
        with self.database.writing() as conn:
            secret_stores.prefer(conn, base.PROJECT, store.id)

    def _preferred(self) -> Any:
        with self.database.reading() as conn:
            row = secret_stores.preferred(conn, base.PROJECT)
            self.assertEqual(
                row and row.strategy,
                keys.wanted_strategies(conn, base.PROJECT).preferred,
            )
            self.assertEqual(
                [row.strategy] if row else [],
                keys.preferred_strategies(conn),
            )
            self.assertIsNone(secret_stores.preferred(conn, 'another'))
        return row

    def test_stores(self) -> None:
        with self.database.reading() as conn:
            self.assertCountEqual(
                [self.one, self.two], secret_stores.get_all(conn)
            )
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self._add(_store('one'))

    def test_preference(self) -> None:
        self.assertIsNone(self._preferred())
        for store in (self.one, self.two, self.two):
            self._prefer(store)
            self.assertEqual(store, self._preferred())
        with self.database.writing() as conn:
            secret_stores.unprefer(conn, base.PROJECT, self.one.id)
        self.assertEqual(self.two, self._preferred())
        with self.database.writing() as conn:
            for _ in range(2):
                secret_stores.unprefer(conn, base.PROJECT, self.two.id)
        self.assertIsNone(self._preferred())

    def test_preferred_together(self) -> None:
        @retried
        def prefer(number: int) -> None:
            self._prefer((self.one, self.two)[number % 2])

        self.assertEqual([None] * 8, self.together(8, prefer))
        self.assertIn(self._preferred(), (self.one, self.two))

    def test_given_up_while_a_key_is_added(self) -> None:
        """Whichever comes first, the key is not left in use."""
        row = self._project_key('two')

        @retried
        def add() -> bool:
            with self.database.writing() as conn:
                held = keys.hold_preferred_strategy(conn, base.PROJECT)
                if held == 'two':
                    keys.retire_keys_of_others(conn, base.PROJECT, 'two')
                    new = row._replace(id=str(uuid.uuid4()))
                    keys.add_project_key(conn, new)
            return held == 'two'

        @retried
        def give_up() -> None:
            with self.database.writing() as conn:
                secret_stores.unprefer(conn, base.PROJECT, self.two.id)
                keys.retire_keys_of_others(conn, base.PROJECT, 'one')

        for number in range(20):
            give_up()
            self._prefer(self.two)
            calls = (add, give_up) if number % 2 else (give_up, add)
            outcome = self.together(2, lambda each: calls[each]())  # noqa: B023
            self.assertIn(outcome[1 - number % 2], (True, False), outcome)
            self.assertIsNone(outcome[number % 2], outcome)
            with self.database.reading() as conn:
                found = keys.project_key_in_use(conn, base.PROJECT)
            self.assertIsNone(found)

    def test_key_of_another_strategy(self) -> None:
        """It is not in use while another is preferred."""
        row = self._project_key('one')
        with self.database.writing() as conn:
            self.assertEqual(row, keys.project_key_in_use(conn, base.PROJECT))
        self._prefer(self.two)
        with self.database.writing() as conn:
            self.assertIsNone(keys.project_key_in_use(conn, base.PROJECT))
            keys.retire_keys_of_others(conn, base.PROJECT, 'one')
        self._prefer(self.one)
        with self.database.writing() as conn:
            self.assertEqual(row, keys.project_key_in_use(conn, base.PROJECT))
            keys.retire_keys_of_others(conn, base.PROJECT, 'two')
            self.assertIsNone(keys.project_key_in_use(conn, base.PROJECT))
            found = keys.project_key(conn, row.id)
        self.assertEqual(row._replace(in_use=False), found)

    def _project_key(self, strategy: str) -> keys.ProjectKeyRow:
        master_key_id = str(uuid.uuid4())
        row = keys.ProjectKeyRow(
            str(uuid.uuid4()),
            base.PROJECT,
            master_key_id,
            b'\0wrapped',
            True,
            base.NOW,
        )
        with self.database.writing() as conn:
            keys.add_master_key(
                conn,
                keys.MasterKeyRow(
                    master_key_id, strategy, 'r', b'\0', True, base.NOW, None
                ),
            )
            keys.add_project_key(conn, row)
        return row


def _transport_key(age: int, **fields: Any) -> transport_keys.TransportKeyRow:
    return transport_keys.TransportKeyRow(
        id=str(uuid.uuid4()),
        suite='hpke',
        public_key='public',
        project_key_id=None,
        envelope=None,
        in_use=False,
        created_at=base.NOW - base.SECOND * age,
    )._replace(**fields)


class TransportKeys(base.DatabaseTest):
    def _add(self, row: transport_keys.TransportKeyRow) -> None:
        with self.database.writing() as conn:
            transport_keys.add(conn, row)

    def _page(self, suite: str | None = None, **fields: Any) -> Any:
        page = paging.Page(**{'limit': 10} | fields)
        with self.database.reading() as conn:
            return transport_keys.page(conn, suite, page)

    def test_one_in_use(self) -> None:
        pair = {
            'project_key_id': str(uuid.uuid4()),
            'envelope': b'\0\xff',
            'in_use': True,
        }

        @retried
        def add(number: int) -> None:
            self._add(_transport_key(0, **pair))

        outcome = self.together(8, add)
        self.assertEqual(1, outcome.count(None), outcome)
        (row,), total = self._page()
        self.assertEqual(1, total)
        with self.database.writing() as conn:
            self.assertEqual(row, transport_keys.in_use(conn))
            self.assertEqual(b'\0\xff', row.envelope)
            for _ in range(2):
                transport_keys.delete(conn, row.id)
            self.assertIsNone(transport_keys.in_use(conn))
            self.assertIsNone(transport_keys.get(conn, row.id))

    def test_pages(self) -> None:
        self.assertEqual(([], 0), self._page())
        rows = [_transport_key(age) for age in (3, 2, 1)]
        other = _transport_key(4, suite='other')
        for row in (*rows, other):
            self._add(row)
        self.assertEqual(([other, *rows], 4), self._page())
        self.assertEqual(([other], 1), self._page('other'))
        self.assertEqual((rows[1:2], 3), self._page('hpke', limit=1, offset=1))
        self.assertEqual(
            (rows[:2], 4), self._page(limit=2, offset=9, marker=other.id)
        )
        self.assertEqual(([], 4), self._page(offset=9))
