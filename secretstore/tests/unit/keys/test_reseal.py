# SPDX-License-Identifier: Apache-2.0
"""Projects get new keys, and what is sealed under the old ones moves."""

import threading

from oslo_utils import timeutils

from secretstore import errors
from secretstore.tests.unit.keys import reseal_world, rotation_world


class RotateTest(reseal_world.ResealingTest):
    def test_new_secrets_at_once_and_old_ones_in_the_background(self) -> None:
        self.add(5)
        self.add(3, reseal_world.OTHERS)
        ((old, _),) = self.keys_of()
        new = self.rotate()
        self.assertEqual([(old, None), (new, 1)], self.keys_of())
        self.add()
        found = self.under()
        self.assertEqual((5, 1), (found[old], found[new]))
        self.assertEqual(5, self.reseal())
        found = self.under()
        self.assertEqual((6, None), (found[new], found.get(old)))
        self.assert_readable()
        self.assertEqual(0, self.reseal())

    def test_a_project_without_a_key(self) -> None:
        self.assertIsNone(
            self.here.keys.project_keys.rotate(reseal_world.MINE)
        )
        self.assertEqual([], self.keys_of())

    def test_all_projects(self) -> None:
        for number in range(5):
            self.here.keys.seal(f'p{number}', b'x', b'row')
        older = self.here.keys.project_keys.older(timeutils.utcnow(), 2)
        done = [self.rotate(row.project_id) for row in older]
        self.assertEqual(5, len(done))
        self.assertEqual(
            [(10,)], self.sql('SELECT count(*) FROM project_keys')
        )

    def test_eight_at_once(self) -> None:
        self.add()
        start = threading.Barrier(8)
        found: list[str] = []

        def rotate() -> None:
            process = self.process()
            start.wait(30)
            found.append(self.rotate(process=process))

        threads = [threading.Thread(target=rotate) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(8, len(found))
        in_use = [key_id for key_id, in_use in self.keys_of() if in_use]
        self.assertEqual(1, len(in_use))
        self.assertIn(in_use[0], found)
        self.reseal()
        self.assert_readable()

    def test_new_key_is_guarded_as_the_project_is(self) -> None:
        self.add()
        self.here.rotation.migrate('two')
        self.rotate()
        found = self.sql(
            'SELECT strategy FROM project_keys JOIN master_keys ON '
            'master_keys.id = master_key_id WHERE project_keys.in_use'
        )
        self.assertEqual([('two',)], found)

    def test_master_key_replaced_meanwhile(self) -> None:
        """The new project key is under the one that took over."""
        self.add()
        test = self

        class Late(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                if len(test.rows()) == 1:
                    test.here.rotation.rotate()
                return super().wrap(reference, key, binding)

        known = self.strategies()
        late = Late(known['one'].conf, rotation_world.Failpoint())
        new = self.rotate(
            process=self.process(strategies={**known, 'one': late})
        )
        found = self.sql(
            'SELECT master_key_id FROM project_keys WHERE id = :id', id=new
        )
        self.assertEqual([(self.rows()[1].id,)], found)


class ResealTest(reseal_world.ResealingTest):
    def test_old_key_goes_when_nothing_is_under_it(self) -> None:
        self.add(3)
        self.rotate()
        self.reseal()
        self.clock.now += reseal_world.WAIT - 1
        self.reseal()
        self.assertEqual(2, len(self.keys_of()))
        # Another process has not seen it for that long.
        self.reseal(self.make_resealer(self.process()))
        self.assertEqual(2, len(self.keys_of()))
        self.clock.now += 1
        self.reseal()
        self.assertEqual([1], [in_use for _, in_use in self.keys_of()])
        self.assert_readable()

    def test_process_that_goes_on_with_the_old_key(self) -> None:
        """For the time of its cache, and its secrets follow."""
        self.add()
        other = self.process()
        self.rotate(process=other)
        self.reseal()
        # Here it is still in memory.
        self.add(2)
        ((old, _), _) = self.keys_of()
        self.assertEqual(2, self.under()[old])
        self.clock.now += reseal_world.WAIT
        self.reseal()
        self.assertNotIn(old, self.under())
        self.assert_readable()

    def test_damaged_secret_keeps_its_key(self) -> None:
        self.add(5)
        self.sql(
            "UPDATE secret_payloads SET envelope = x'01ff' WHERE secret_id = "
            '(SELECT min(secret_id) FROM secret_payloads)'
        )
        self.rotate()
        with self.assertLogs('secretstore.keys.reseal', 'ERROR') as logged:
            self.assertEqual(4, self.reseal())
        self.assertIn('cannot be rewrapped', logged.output[0])
        self.clock.now += reseal_world.WAIT
        with self.assertLogs('secretstore.keys.reseal', 'ERROR'):
            self.reseal()
        self.assertEqual(2, len(self.keys_of()))

    def test_damaged_key_does_not_hold_up_others(self) -> None:
        for project in ('p1', 'p2', 'p3'):
            self.add(2, project)
        self.sql(
            "UPDATE project_keys SET wrapped_key = x'01' "
            "WHERE project_id = 'p2'"
        )
        for project in ('p1', 'p2', 'p3'):
            self.rotate(project)
        with self.assertLogs('secretstore.keys.reseal', 'ERROR') as logged:
            self.assertEqual(4, self.reseal())
        self.assertIn('of project p2', ''.join(logged.output))

    def test_refused_secret_does_not_hold_up_others(self) -> None:
        """By the database, in the transaction of its batch."""
        self.add(5)
        refused = min(self.payloads)
        self.sql(
            f'CREATE TRIGGER full BEFORE UPDATE ON secret_payloads WHEN '
            f"new.secret_id = '{refused}' "
            f"BEGIN SELECT raise(ABORT, 'full'); END"
        )
        new = self.rotate()
        batches = []
        with self.assertLogs('secretstore.keys.reseal', 'ERROR') as logged:
            while not batches or batches[-1].more:
                batches.append(self.resealer.run())
        self.assertEqual(4, sum(batch.moved for batch in batches))
        self.assertEqual(1, sum(batch.failed for batch in batches))
        (line,) = logged.output
        self.assertIn(f'The secret {refused} cannot be rewrapped', line)
        self.assertNotIn('UPDATE', line)
        self.assertEqual(4, self.under()[new])
        self.assert_readable()
        self.sql('DROP TRIGGER full')
        self.assertEqual(1, self.reseal())
        self.assertEqual({new: 5}, self.under())

    def test_custodian_of_others_away(self) -> None:
        """Keys that come behind theirs have their turn all the same."""
        self.add(3, 'p')
        new = self.rotate('p')
        ((mine, _), _) = self.keys_of('p')
        self.here.rotation.migrate('two')
        theirs = mine
        while theirs >= mine:
            project = f'q{len(self.payloads)}'
            self.add(1, project)
            self.rotate(project)
            ((theirs, _), _) = self.keys_of(project)
        self.folder.joinpath('two').chmod(0o755)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.reseal()
        self.assertEqual(3, self.under()[new])
        self.assertNotIn(mine, self.under())
        self.folder.joinpath('two').chmod(0o700)
        self.reseal()
        self.assertNotIn(theirs, self.under())
        self.assert_readable()

    def test_custodian_of_new_keys_away(self) -> None:
        """Keys that come behind, of the same old master key, have theirs."""
        self.add(3, 'p')
        ((mine, _),) = self.keys_of('p')
        theirs = mine
        while theirs >= mine:
            project = f'q{len(self.payloads)}'
            self.add(1, project)
            ((theirs, _),) = self.keys_of(project)
        self.prefer(project, 'two')
        for name in (project, 'p'):
            self.rotate(name)
        self.folder.joinpath('two').chmod(0o755)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.reseal()
        self.assertNotIn(mine, self.under())
        self.assertIn(theirs, self.under())
        self.folder.joinpath('two').chmod(0o700)
        self.reseal()
        self.assertNotIn(theirs, self.under())
        self.assert_readable()

    def test_two_processes_at_once(self) -> None:
        self.add(5)
        self.rotate()
        other = self.make_resealer(self.process())
        resealers = [self.resealer, other]
        while any([resealer.run().more for resealer in resealers]):
            continue
        self.assert_readable()
        self.assertEqual(1, len(self.under()))

    def test_again_while_the_first_goes_on(self) -> None:
        self.add(5)
        self.rotate()
        self.resealer.run()
        last = self.rotate()
        self.reseal()
        self.reseal()
        self.assertEqual({last: 5}, self.under())
        self.assert_readable()

    def test_custodian_away(self) -> None:
        self.add(3)
        self.rotate()
        self.folder.joinpath('one').chmod(0o755)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.reseal()
        self.folder.joinpath('one').chmod(0o700)
        # What was not moved is found in the next pass.
        self.reseal()
        self.reseal()
        self.assertEqual(1, len(self.under()))
        self.assert_readable()

    def test_clock_of_the_host_jumps(self) -> None:
        self.add()
        self.rotate()
        self.reseal()
        for time in ('2000-01-01 00:00:00.0', '2100-01-01 00:00:00.0'):
            self.sql('UPDATE project_keys SET created_at = :t', t=time)
            self.reseal()
        self.assertEqual(2, len(self.keys_of()))
