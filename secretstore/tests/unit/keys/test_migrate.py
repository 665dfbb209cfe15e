# SPDX-License-Identifier: Apache-2.0
"""Another strategy guards the keys, and the first one again."""

from secretstore import errors
from secretstore.tests.unit.keys import rotation_world


class MigrateTest(rotation_world.StockedTest):
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
        with self.assertLogs('secretstore.keys.startup', 'WARNING') as logged:
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
