# SPDX-License-Identifier: Apache-2.0
"""Project keys come under the master key that they belong under."""

import contextlib

from secretstore import errors
from secretstore.tests.unit.keys import rotation_world


class RewrapTest(rotation_world.StockedTest):
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

    def test_one_custodian_away_holds_up_no_other(self) -> None:
        self.prefer('p2', 'two')
        self.here.rewrap()
        self.here.rotation.rotate('one')
        self.here.rotation.rotate('two')
        self.folder.joinpath('two').chmod(0o755)
        for _ in range(3):
            with contextlib.suppress(errors.MasterKeyUnavailable):
                self.here.rewrap()
        self.assertEqual(1, self.here.rotation.progress().misplaced)
        self.folder.joinpath('two').chmod(0o700)
        self.assertEqual(1, self.here.rewrap())
        self.assert_all_open()

    def test_target_away_holds_up_no_other(self) -> None:
        """Nor is it asked more than once in a pass."""
        self.store(self.here, 'p4', 'p5', 'p6')
        first, second, *_ = self.projects()
        self.prefer(first, 'two')
        self.prefer(second, 'two')
        self.here.rotation.rotate('one')
        self.folder.joinpath('two').mkdir(0o755)
        failpoint = rotation_world.Failpoint()
        process = self.process(strategies=self.strategies(failpoint))
        with self.assertRaises(errors.MasterKeyUnavailable):
            process.rewrap()
        self.assertEqual(2, self.here.rotation.progress().misplaced)
        self.assertEqual(1, failpoint.steps.count('before create'))
        self.folder.joinpath('two').chmod(0o700)
        self.assertEqual(2, process.rewrap())
        self.assertEqual({'one': 4, 'two': 2}, self.under())
        self.assert_all_open()

    def projects(self) -> list[str]:
        """In the order in which their keys are moved."""
        found = self.sql('SELECT project_id FROM project_keys ORDER BY id')
        return [project for (project,) in found]

    def assert_all_moved_but(self, project: str, why: str) -> None:
        with self.assertLogs('secretstore.keys.rewrap', 'ERROR') as logged:
            self.assertEqual(2, self.here.rewrap())
        ((key_id,),) = self.sql(
            'SELECT id FROM project_keys WHERE project_id = :p', p=project
        )
        # Once in each of the two parts of a pass.
        for line in logged.output:
            self.assertIn(f'{key_id} cannot be rewrapped: {why}', line)
            self.assertNotIn('UPDATE', line)
        self.assert_all_open()
        self.sql('DROP TRIGGER one')
        self.assertEqual(1, self.here.rewrap())
        self.assert_all_open()

    def test_refused_key_does_not_hold_up_others(self) -> None:
        """By the database, in the transaction of its batch."""
        self.here.rotation.rotate()
        first = self.projects()[0]
        self.sql(
            f'CREATE TRIGGER one BEFORE UPDATE ON project_keys WHEN '
            f"new.project_id = '{first}' "
            f"BEGIN SELECT raise(ABORT, 'full'); END"
        )
        self.assert_all_moved_but(first, 'The database refuses it')

    def test_key_stored_wrongly_does_not_hold_up_others(self) -> None:
        """And is as it was."""
        self.here.rotation.rotate()
        first = self.projects()[0]
        self.sql(
            f'CREATE TRIGGER one AFTER UPDATE ON project_keys WHEN '
            f"new.project_id = '{first}' BEGIN UPDATE project_keys SET "
            f"wrapped_key = x'00' WHERE id = new.id; END"
        )
        self.assert_all_moved_but(first, 'The database does not give back')

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
