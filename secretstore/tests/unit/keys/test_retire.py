# SPDX-License-Identifier: Apache-2.0
"""Master keys go when nothing needs them."""

from secretstore import errors
from secretstore.tests.unit.keys import rotation_world


class RetireTest(rotation_world.StockedTest):
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

    def test_one_that_cannot_be_destroyed_keeps_no_other(self) -> None:
        for _ in range(2):
            self.here.rotation.rotate('one')
        self.here.rotation.migrate('two')
        self.here.rewrap()
        self.here.rotation.migrate('one')
        self.here.rotation.rotate('two')
        self.here.rewrap()
        states = self.masters()
        for number, (_, state) in enumerate(states):
            if state == 'replaced':
                self.retire(number)
        self.folder.joinpath('two').chmod(0o755)
        with self.assertLogs('secretstore.keys.destroyer', 'ERROR'):
            self.destroy()
        self.assertEqual([('one', 'destroyed')] * 2, self.masters()[:2])
        self.assertIn(('two', 'retired'), self.masters())
        self.folder.joinpath('two').chmod(0o700)
        self.here.destroyer.run()
        self.assertIn(('two', 'destroyed'), self.masters())

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
        with self.assertLogs('secretstore.keys.destroyer', 'ERROR'):
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
