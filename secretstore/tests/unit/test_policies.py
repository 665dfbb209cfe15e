# SPDX-License-Identifier: Apache-2.0
import unittest

from oslo_policy import generator, policy

from secretstore import policies
from secretstore.tests.unit.conductor.test_access import TABLE

# As Barbican calls them: operators' policy files name them.
NAMES = {
    'secrets:post',
    'secrets:get',
    'secret:get',
    'secret:decrypt',
    'secret:put',
    'secret:delete',
    'secret_meta:get',
    'secret_meta:post',
    'secret_meta:put',
    'secret_meta:delete',
}


class RulesTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.rules = {rule.name: rule for rule in policies.list_rules()}
        self.documented = {
            name: rule
            for name, rule in self.rules.items()
            if isinstance(rule, policy.DocumentedRuleDefault)
        }

    def test_names(self) -> None:
        self.assertEqual(len(policies.list_rules()), len(self.rules))
        self.assertLessEqual(NAMES, set(self.documented))

    def test_each_operation_has_a_description_and_a_scope(self) -> None:
        for name, rule in self.documented.items():
            with self.subTest(name):
                self.assertTrue(rule.description)
                self.assertEqual(['project'], rule.scope_types)
                for operation in rule.operations:
                    self.assertTrue(operation['path'].startswith('/v1/'))

    def test_rules_that_rules_name_exist(self) -> None:
        for rule in self.rules.values():
            for word in rule.check_str.replace('(', ' ').split():
                if word.startswith('rule:'):
                    name = word.removeprefix('rule:').rstrip(')')
                    self.assertIn(name, self.rules)

    def test_nothing_is_open_to_all(self) -> None:
        for name, rule in self.documented.items():
            self.assertNotIn(rule.check_str, ('', '@', '!'), name)

    def test_the_table_of_access_knows_every_rule(self) -> None:
        # A rule that is added needs lines there.
        self.assertGreaterEqual(len(TABLE), len(NAMES))

    def test_the_sample_can_be_generated(self) -> None:
        for rule in self.rules.values():
            text = generator._format_rule_default_yaml(rule)
            self.assertIn(f'"{rule.name}"', text)
