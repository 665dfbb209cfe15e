# SPDX-License-Identifier: Apache-2.0
"""Rotation, migration and retirement, one step after the other."""

import threading

from secretstore import errors
from secretstore.db import keys as db_keys
from secretstore.db import secret_stores
from secretstore.keys import hierarchy
from secretstore.tests.unit.db import base
from secretstore.tests.unit.keys import rotation_world

PROJECTS = ('p1', 'p2', 'p3')


class Base(rotation_world.RotationTest):
    def setUp(self) -> None:
        super().setUp()
        self.here, self.there = self.process(), self.process()
        self.here.keys.start()
        self.store(self.here, *PROJECTS)

    def retire(self, number: int) -> None:
        self.here.rotation.retire(self.rows()[number].id)

    def destroy(self) -> None:
        self.here.destroyer.run()
        self.clock.now += rotation_world.WAIT
        self.here.destroyer.run()

    def prefer(self, project: str, strategy: str) -> None:
        row = secret_stores.SecretStoreRow(
            strategy, strategy, base.NOW, base.NOW
        )
        with self.database.writing() as connection:
            known = secret_stores.get_all(connection)
            if strategy not in {store.strategy for store in known}:
                secret_stores.add(connection, row)
                known.append(row)
            (store,) = (s for s in known if s.strategy == strategy)
            secret_stores.prefer(connection, project, store.id)


class RotateTest(Base):
    def test_new_keys_at_once_and_old_ones_in_the_background(self) -> None:
        old = self.rows()[0]
        new = self.here.rotation.rotate()
        self.assertEqual(
            [('one', 'replaced'), ('one', 'in_use')], self.masters()
        )
        self.store(self.there, 'p4')
        progress = self.there.rotation.progress()
        self.assertEqual({old.id: 3, new.id: 1}, progress.project_keys)
        self.assertEqual((3, 0), (progress.misplaced, progress.rewrapped))
        self.assertEqual(3, self.there.rewrap())
        progress = self.there.rotation.progress()
        self.assertEqual({new.id: 4}, progress.project_keys)
        self.assertEqual((0, 3), (progress.misplaced, progress.rewrapped))
        self.assertEqual(3 / 60, progress.rate)
        self.assert_all_open()
        self.assertEqual(0, self.here.rewrap())

    def test_bounded_batches(self) -> None:
        self.here.rotation.rotate()
        moved = []
        while (batch := self.here.rewrapper.run()).more:
            moved.append(batch.moved)
        self.assertEqual(3, sum(moved))
        self.assertLessEqual(max(moved), 2)

    def test_not_enabled(self) -> None:
        with self.assertRaises(errors.InvalidInput) as caught:
            self.here.rotation.rotate('three')
        self.assertIn('enabled_security_strategies', caught.exception.message)

    def test_strategy_that_has_none(self) -> None:
        self.here.rotation.rotate('two')
        self.assertEqual(
            [('one', 'in_use'), ('two', 'in_use')], self.masters()
        )
        self.assertEqual(0, self.here.rewrap())

    def test_again_while_the_first_goes_on(self) -> None:
        self.here.rotation.rotate()
        self.here.rewrapper.run()
        last = self.here.rotation.rotate()
        self.here.rewrap()
        self.assertEqual(
            {last.id: 3}, self.here.rotation.progress().project_keys
        )
        self.assert_all_open()

    def test_eight_at_once(self) -> None:
        """One key is made, all are told of it, and no other is left."""
        found = self.together(8)
        self.assertEqual(1, len(set(found)))
        self.assertEqual(
            [('one', 'replaced'), ('one', 'in_use')], self.masters()
        )
        self.assertEqual(2, self.files('one'))

    def together(self, count: int) -> list[str]:
        """The keys that so many processes rotate to, all having looked."""
        start = threading.Barrier(count)

        class Waiting(rotation_world.Breaking):
            def create_master_key(self) -> str:
                start.wait(30)
                return super().create_master_key()

        found: list[str] = []
        known = self.strategies()

        def rotate() -> None:
            own = Waiting(known['one'].conf, rotation_world.Failpoint())
            process = self.process(strategies={**known, 'one': own})
            found.append(process.rotation.rotate().id)

        threads = [threading.Thread(target=rotate) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(count, len(found))
        return found

    def test_key_made_while_the_master_key_is_replaced(self) -> None:
        """It is wrapped under the old one, and stored under the new one."""
        test = self

        class Late(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                wrapped = super().wrap(reference, key, binding)
                if len(test.rows()) == 1:
                    test.here.rotation.rotate()
                    test.here.rewrap()
                    test.retire(0)
                    test.destroy()
                return wrapped

        known = self.strategies()
        late = Late(known['one'].conf, rotation_world.Failpoint())
        self.store(self.process(strategies={**known, 'one': late}), 'p4')
        self.assertEqual(
            [('one', 'destroyed'), ('one', 'in_use')], self.masters()
        )
        self.assert_all_open()

    def test_read_before_it_was_moved(self) -> None:
        """Who has read the row is told of the key that it is under now."""
        test = self

        class Late(hierarchy.ProjectKeys):
            def _unwrap(self, row: db_keys.ProjectKeyRow) -> bytes:
                if len(test.rows()) == 1:
                    test.here.rotation.rotate()
                    test.here.rewrap()
                    test.retire(0)
                    test.destroy()
                return super()._unwrap(row)

        process = self.process()
        process.keys.project_keys = Late(
            self.database, process.keys.master_keys
        )
        self.assert_all_open(process)


class RewrapTest(Base):
    def test_damaged_key_does_not_hold_up_the_others(self) -> None:
        self.sql(
            "UPDATE project_keys SET wrapped_key = x'01' "
            "WHERE project_id = 'p2'"
        )
        self.here.rotation.rotate()
        with self.assertLogs('secretstore.keys.rewrap', 'ERROR') as logged:
            self.assertEqual(2, self.here.rewrap())
        self.assertIn('cannot be rewrapped', logged.output[0])
        self.assertEqual(1, self.here.rotation.progress().misplaced)
        with self.assertRaisesRegex(errors.Conflict, '1 project keys'):
            self.retire(0)

    def test_custodian_away(self) -> None:
        self.here.rotation.rotate()
        self.folder.joinpath('one').chmod(0o755)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.here.rewrap()
        self.folder.joinpath('one').chmod(0o700)
        self.assertEqual(3, self.here.rewrap())

    def test_two_processes_at_once(self) -> None:
        """What the other has moved meanwhile is left as it is."""
        self.here.rotation.rotate()
        other = self.there

        class Late(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                other.rewrap()
                return super().wrap(reference, key, binding)

        known = self.strategies()
        late = Late(known['one'].conf, rotation_world.Failpoint())
        process = self.process(strategies={**known, 'one': late})
        self.assertEqual(0, process.rewrap())
        self.assertEqual(0, self.here.rotation.progress().misplaced)
        self.assert_all_open()

    def test_target_replaced_meanwhile(self) -> None:
        """Nothing is put under a key that is in use no longer."""
        self.here.rotation.rotate()
        other = self.there
        test = self

        class Late(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                if len(test.rows()) == 2:
                    other.rotation.rotate()
                return super().wrap(reference, key, binding)

        known = self.strategies()
        late = Late(known['one'].conf, rotation_world.Failpoint())
        process = self.process(strategies={**known, 'one': late})
        process.rewrap()
        progress = self.here.rotation.progress()
        self.assertEqual({self.rows()[2].id: 3}, progress.project_keys)
        self.assert_all_open()

    def test_custodian_that_wraps_badly(self) -> None:
        """What does not open again is never stored."""

        class Bad(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                return super().wrap(reference, bytes(32), binding)

        self.here.rotation.rotate()
        known = self.strategies()
        bad = Bad(known['one'].conf, rotation_world.Failpoint())
        process = self.process(strategies={**known, 'one': bad})
        with self.assertLogs('secretstore.keys.rewrap', 'ERROR'):
            self.assertEqual(0, process.rewrap())
        self.assert_all_open()

    def test_strategy_not_enabled_here(self) -> None:
        """That is for other conductors to do."""
        self.here.rotation.migrate('two')
        self.assertEqual(0, self.process('one').rewrap())
        self.assertEqual(3, self.process().rewrap())

    def test_one_statement_when_there_is_one_master_key(self) -> None:
        self.statements.count = 0
        self.here.rewrap()
        # Each of the two parts of a pass.
        self.assertEqual(2, self.statements.count)


class MigrateTest(Base):
    def test_there_and_back(self) -> None:
        for strategy, other in (('two', 'one'), ('one', 'two')):
            key = self.here.rotation.migrate(strategy)
            self.assertEqual(strategy, key.strategy)
            self.store(self.there, f'new of {strategy}')
            self.assertIn(strategy, self.under())
            self.there.rewrap()
            self.assertEqual({strategy: len(self.records)}, self.under())
            self.assert_all_open()
            for row in self.rows():
                if row.strategy == other:
                    self.here.rotation.retire(row.id)
            self.destroy()
            self.assert_all_open(self.process(strategy))
        self.assertEqual(
            [('one', 'destroyed'), ('two', 'destroyed'), ('one', 'in_use')],
            self.masters(),
        )
        self.assertEqual((1, 0), (self.files('one'), self.files('two')))

    def test_again(self) -> None:
        first = self.here.rotation.migrate('two')
        self.assertEqual(first, self.there.rotation.migrate('two'))
        self.assertEqual(1, self.files('two'))

    def test_to_what_is_used_already(self) -> None:
        self.here.rotation.migrate('one')
        self.assertEqual(0, self.here.rewrap())
        self.assertEqual([('one', 'in_use')], self.masters())

    def test_not_enabled(self) -> None:
        with self.assertRaises(errors.InvalidInput) as caught:
            self.process('one').rotation.migrate('two')
        self.assertIn('enabled_security_strategies', caught.exception.message)
        self.assertEqual([('one', 'in_use')], self.masters())

    def test_conductor_that_does_not_have_it(self) -> None:
        self.here.rotation.migrate('two')
        process = self.process('one')
        with self.assertRaises(errors.StartupError) as refused:
            process.keys.start()
        with self.assertRaises(errors.MasterKeyUnavailable) as away:
            process.keys.seal('p4', b'x', b'row')
        for caught in (refused, away):
            self.assertIn('strategy two', caught.exception.message)

    def test_configuration_that_names_the_old_one(self) -> None:
        self.here.rotation.migrate('two')
        with self.assertLogs('secretstore.keys.master', 'WARNING') as logged:
            self.process().keys.start()
        self.assertIn('set security_strategy = two', ''.join(logged.output))
        self.assertEqual(
            [('one', 'in_use'), ('two', 'in_use')], self.masters()
        )

    def test_projects_that_prefer_another(self) -> None:
        """A preference comes first, wherever the others go."""
        self.prefer('p2', 'two')
        self.assertEqual(1, self.here.rewrap())
        self.assertEqual({'one': 2, 'two': 1}, self.under())
        self.here.rotation.migrate('two')
        self.here.rewrap()
        self.assertEqual({'two': 3}, self.under())
        self.prefer('p1', 'one')
        self.here.rewrap()
        self.assertEqual({'one': 1, 'two': 2}, self.under())
        self.here.rotation.migrate('one')
        self.here.rewrap()
        self.assertEqual({'one': 2, 'two': 1}, self.under())
        self.assert_all_open()

    def test_default_changes_while_a_key_is_made(self) -> None:
        test = self

        class Late(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                test.here.rotation.migrate('two')
                return super().wrap(reference, key, binding)

        known = self.strategies()
        late = Late(known['one'].conf, rotation_world.Failpoint())
        self.store(self.process(strategies={**known, 'one': late}), 'p4')
        self.here.rewrap()
        self.assertEqual({'two': 4}, self.under())
        self.retire(0)
        self.assert_all_open()


class RetireTest(Base):
    def test_in_use(self) -> None:
        with self.assertRaisesRegex(errors.Conflict, '3 project keys'):
            self.retire(0)
        self.sql('DELETE FROM project_keys')
        with self.assertRaisesRegex(errors.Conflict, 'in use: rotate'):
            self.retire(0)

    def test_unknown(self) -> None:
        with self.assertRaisesRegex(errors.NotFound, 'no master key x'):
            self.here.rotation.retire('x')

    def test_while_project_keys_are_under_it(self) -> None:
        self.here.rotation.rotate()
        with self.assertRaisesRegex(errors.Conflict, '3 project keys'):
            self.retire(0)
        self.here.rewrapper.run()
        with self.assertRaises(errors.Conflict):
            self.retire(0)
        self.here.rewrap()
        self.retire(0)
        self.assertEqual('retired', self.masters()[0][1])

    def test_while_a_project_prefers_it(self) -> None:
        self.prefer('p2', 'two')
        self.here.rewrap()
        self.sql("DELETE FROM project_keys WHERE project_id = 'p2'")
        with self.assertRaisesRegex(errors.Conflict, '1 projects that prefer'):
            self.retire(1)

    def test_destroyed_after_the_time_of_caches(self) -> None:
        self.here.rotation.rotate()
        self.here.rewrap()
        self.assertIsNone(self.here.destroyer.run())
        self.retire(0)
        self.assertEqual(300, self.here.destroyer.run())
        self.clock.now += 299
        self.assertEqual(1, self.here.destroyer.run())
        self.assertEqual(2, self.files('one'))
        # Another process has not seen it for that long.
        self.there.destroyer.run()
        self.assertEqual(2, self.files('one'))
        self.clock.now += 1
        self.assertIsNone(self.here.destroyer.run())
        self.assertEqual(1, self.files('one'))
        self.assertEqual('destroyed', self.masters()[0][1])
        self.clock.now += 300
        self.assertIsNone(self.there.destroyer.run())
        # Again is no error.
        self.retire(0)
        self.assert_all_open()

    def test_clock_of_the_host_jumps(self) -> None:
        """No time in the database decides anything."""
        self.here.rotation.rotate()
        self.here.rewrap()
        self.retire(0)
        self.here.destroyer.run()
        for time in ('2000-01-01 00:00:00.000000', '2100-01-01 00:00:00.0'):
            self.sql(
                'UPDATE master_keys SET retired_at = :t '
                'WHERE retired_at IS NOT NULL',
                t=time,
            )
            self.here.destroyer.run()
            self.assertEqual(2, self.files('one'))
        self.sql("UPDATE master_keys SET created_at = '2100-01-01 00:00:00.0'")
        self.here.rotation.rotate()
        self.here.rewrap()
        self.assert_all_open()

    def test_retired_keys_may_be_missing(self) -> None:
        self.here.rotation.rotate()
        self.here.rewrap()
        self.retire(0)
        self.folder.joinpath('one', f'{self.rows()[0].reference}.key').unlink()
        self.process().keys.start()
        self.destroy()
        self.assertEqual('destroyed', self.masters()[0][1])

    def test_replaced_keys_may_not(self) -> None:
        self.here.rotation.rotate()
        self.here.rewrap()
        self.folder.joinpath('one', f'{self.rows()[0].reference}.key').unlink()
        with self.assertRaises(errors.StartupError):
            self.process().keys.start()

    def test_not_destroyed_while_anything_is_under_it(self) -> None:
        self.here.rotation.rotate()
        self.here.rewrap()
        self.retire(0)
        self.sql(
            'UPDATE project_keys SET master_key_id = :id '
            "WHERE project_id = 'p2'",
            id=self.rows()[0].id,
        )
        with self.assertLogs('secretstore.keys.rotation', 'ERROR'):
            self.destroy()
        self.assertEqual(2, self.files('one'))

    def test_key_file_deleted_while_rewrapping(self) -> None:
        """What is lost is named; what is restored is moved."""
        self.here.rotation.rotate()
        self.here.rewrapper.run()
        file = self.folder / 'one' / f'{self.rows()[0].reference}.key'
        kept = file.rename(self.folder / 'kept')
        with self.assertLogs('secretstore.keys.rewrap', 'ERROR') as logged:
            self.here.rewrap()
        self.assertIn(str(file), ''.join(logged.output))
        kept.rename(file)
        self.here.rewrap()
        self.assertEqual(0, self.here.rotation.progress().misplaced)
        self.assert_all_open()
