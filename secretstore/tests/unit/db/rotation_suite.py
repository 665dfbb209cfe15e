# SPDX-License-Identifier: Apache-2.0
"""Keys that are replaced and moved, on any database."""

import threading
import time
from typing import Any
import uuid

from secretstore.db import keys, rotation, secret_stores
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base

ENABLED = ('one', 'two')
MANY = 100
LATER = base.NOW + base.SECOND


def master_key(**fields: Any) -> keys.MasterKeyRow:
    return keys.MasterKeyRow(
        id=str(uuid.uuid4()),
        strategy='one',
        reference='reference',
        check_value=b'\x00\xff',
        in_use=True,
        created_at=base.NOW,
        retired_at=None,
    )._replace(**fields)


class Rotation(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.old = master_key()
        self.new = master_key()
        self.other = master_key(strategy='two')
        with self.database.writing() as conn:
            keys.add_master_key(conn, self.old)

    def add_project_key(
        self, master: keys.MasterKeyRow, project: str = base.PROJECT
    ) -> keys.ProjectKeyRow:
        row = keys.ProjectKeyRow(
            id=str(uuid.uuid4()),
            project_id=project,
            master_key_id=master.id,
            wrapped_key=b'\x00wrapped\xff',
            in_use=True,
            created_at=base.NOW,
        )
        with self.database.writing() as conn:
            keys.add_project_key(conn, row)
        return row

    @retried
    def replace(self, old: keys.MasterKeyRow, new: keys.MasterKeyRow) -> bool:
        with self.database.writing() as conn:
            return rotation.replace_master_key(conn, old.id, new)

    def misplaced(
        self, enabled: tuple[str, ...] = ENABLED, after: str = ''
    ) -> list[rotation.Misplaced]:
        reach = rotation.Reach(enabled, enabled)
        with self.database.reading() as conn:
            found = rotation.misplaced(conn, reach, after, MANY)
            if enabled == ENABLED and not after:
                self.assertEqual(len(found), rotation.count_misplaced(conn))
            if found:
                self.assertFalse(rotation.is_settled(conn))
        return found

    def store(self, strategy: str) -> secret_stores.SecretStoreRow:
        row = secret_stores.SecretStoreRow(
            str(uuid.uuid4()), strategy, base.NOW, base.NOW
        )
        with self.database.writing() as conn:
            secret_stores.add(conn, row)
        return row

    def make_default(self, strategy: str) -> None:
        with self.database.writing() as conn:
            secret_stores.make_default(conn, strategy, LATER)

    def default(self) -> str | None:
        with self.database.reading() as conn:
            found = keys.default_strategy(conn)
            wanted = keys.wanted_strategies(conn, base.PROJECT)
        self.assertEqual(found, wanted.default)
        return found

    def test_replace(self) -> None:
        with self.database.reading() as conn:
            self.assertTrue(rotation.is_settled(conn))
        self.assertTrue(self.replace(self.old, self.new))
        self.assertFalse(self.replace(self.old, master_key()))
        with self.database.writing() as conn:
            self.assertEqual(
                [self.new.id],
                [row.id for row in keys.master_keys_in_use(conn)],
            )
            self.assertTrue(keys.hold_master_key(conn, self.new.id))
            self.assertFalse(keys.hold_master_key(conn, self.old.id))
            self.assertFalse(rotation.is_settled(conn))

    def test_eight_replace_it_at_once(self) -> None:
        rows = [master_key() for _ in range(8)]
        done = self.together(8, lambda n: self.replace(self.old, rows[n]))
        self.assertEqual([False] * 7 + [True], sorted(done))

    def test_nothing_comes_under_a_key_that_is_replaced(self) -> None:
        """Whoever holds it is waited for; whoever comes later, is told."""
        held = threading.Event()
        order: list[str] = []
        row = keys.ProjectKeyRow(
            str(uuid.uuid4()), 'p', self.old.id, b'x', True, base.NOW
        )

        def put() -> None:
            with self.database.writing() as conn:
                self.assertTrue(keys.hold_master_key(conn, self.old.id))
                held.set()
                # Long enough for one that does not wait to be first.
                time.sleep(0.3)
                order.append('put')
                keys.add_project_key(conn, row)

        thread = threading.Thread(target=put)
        thread.start()
        held.wait(30)
        self.assertTrue(self.replace(self.old, self.new))
        order.append('replaced')
        thread.join()
        self.assertEqual(['put', 'replaced'], order)
        with self.database.writing() as conn:
            self.assertFalse(keys.hold_master_key(conn, self.old.id))
            self.assertEqual(1, rotation.count_under(conn, self.old.id))

    def test_misplaced_after_a_rotation(self) -> None:
        rows = [self.add_project_key(self.old, f'p{n}') for n in range(5)]
        self.assertEqual([], self.misplaced())
        self.replace(self.old, self.new)
        self.add_project_key(self.new, 'later')
        rows.sort(key=lambda row: row.id)
        found = self.misplaced()
        self.assertEqual(rows, [each.key for each in found])
        self.assertEqual({'one'}, {each.strategy for each in found})
        self.assertEqual(found[3:], self.misplaced(after=rows[2].id))
        self.assertEqual([], self.misplaced(enabled=('two',)))

    def test_misplaced_by_preference_and_default(self) -> None:
        with self.database.writing() as conn:
            keys.add_master_key(conn, self.other)
        first = self.add_project_key(self.old, 'first')
        second = self.add_project_key(self.old, 'second')
        third = self.add_project_key(self.other, 'third')
        one, two = self.store('one'), self.store('two')
        with self.database.writing() as conn:
            secret_stores.prefer(conn, 'second', two.id)
        self.assertEqual([(second, 'two')], self.misplaced())
        self.make_default('two')
        self.assertEqual(
            {(first, 'two'), (second, 'two')}, set(self.misplaced())
        )
        self.assertEqual([], self.misplaced(enabled=('one',)))
        with self.database.writing() as conn:
            secret_stores.prefer(conn, 'first', one.id)
            secret_stores.prefer(conn, 'third', one.id)
        self.assertEqual(
            {(second, 'two'), (third, 'one')}, set(self.misplaced())
        )
        with self.database.reading() as conn:
            for reach, found in (
                (rotation.Reach(ENABLED, ('one',)), (third, 'one')),
                (rotation.Reach(('one',), ENABLED), (second, 'two')),
                (
                    rotation.Reach(ENABLED, ENABLED, (self.old.id,)),
                    (third, 'one'),
                ),
            ):
                self.assertEqual(
                    [found], rotation.misplaced(conn, reach, '', MANY)
                )
            self.assertEqual(2, rotation.count_preferring(conn, 'one'))
            self.assertEqual(1, rotation.count_preferring(conn, 'two'))

    def test_one_default(self) -> None:
        self.assertIsNone(self.default())
        for strategy in ENABLED:
            self.store(strategy)
        self.assertIsNone(self.default())
        for strategy in ('two', 'two', 'one'):
            self.make_default(strategy)
            self.assertEqual(strategy, self.default())
        with self.database.reading() as conn:
            stores = secret_stores.get_all(conn)
        self.assertEqual(
            {'one': True, 'two': False},
            {store.strategy: store.global_default for store in stores},
        )

    def test_defaults_at_once(self) -> None:
        for strategy in ENABLED:
            self.store(strategy)
        made = retried(self.make_default)
        done = self.together(8, lambda n: made(ENABLED[n % 2]))
        self.assertEqual([None] * 8, done)
        self.assertIn(self.default(), ENABLED)

    def test_move(self) -> None:
        row = self.add_project_key(self.old)
        self.replace(self.old, self.new)
        moved = row._replace(
            master_key_id=self.new.id,
            wrapped_key=b'\x00new\xff',
            rewrapped_at=LATER,
        )
        stale = row._replace(wrapped_key=b'other')
        with self.database.writing() as conn:
            for old, done in ((stale, False), (row, True), (row, False)):
                self.assertEqual(
                    done,
                    rotation.move(
                        conn, old, self.new.id, moved.wrapped_key, LATER
                    ),
                )
            self.assertEqual(
                {row.id: moved.wrapped_key},
                rotation.wrapped_keys(conn, [row.id]),
            )
            self.assertEqual(moved, keys.project_key(conn, row.id))
            self.assertEqual(
                {self.new.id: 1}, rotation.count_by_master_key(conn)
            )
            for since, count in ((base.NOW, 1), (LATER, 0)):
                self.assertEqual(count, rotation.count_rewrapped(conn, since))

    def test_retire_and_destroy(self) -> None:
        with self.database.writing() as conn:
            self.assertIsNone(rotation.lock_master_key(conn, self.new.id))
            self.assertEqual(
                self.old, rotation.lock_master_key(conn, self.old.id)
            )
            self.assertEqual([], rotation.to_destroy(conn))
            rotation.retire(conn, self.old.id, LATER)
            retired = self.old._replace(in_use=False, retired_at=LATER)
            self.assertEqual([retired], rotation.to_destroy(conn))
            self.assertTrue(rotation.destroyed(conn, self.old.id, LATER))
            self.assertFalse(rotation.destroyed(conn, self.old.id, LATER))
            self.assertEqual([], rotation.to_destroy(conn))
            self.assertEqual(
                retired._replace(destroyed_at=LATER),
                keys.master_key(conn, self.old.id),
            )
