# SPDX-License-Identifier: Apache-2.0
import unittest

from oslo_policy import generator, policy

from secretstore import policies

# As Barbican calls them: operators' policy files name them.
NAMES = """
secrets:post secrets:get secret:get secret:decrypt secret:put secret:delete
secret_meta:get secret_meta:post secret_meta:put secret_meta:delete
secret_acls:get secret_acls:put_patch secret_acls:delete
secret_consumers:get secret_consumers:post secret_consumers:delete
containers:post containers:get container:get container:delete
container_secret:post container_secret:delete
container_acls:get container_acls:put_patch container_acls:delete
container_consumers:get container_consumers:post container_consumers:delete
consumer:get
orders:post orders:get orders:put order:get order:delete
quotas:get project_quotas:get project_quotas:put project_quotas:delete
secretstores:get secretstores:get_global_default secretstores:get_preferred
secretstore:get secretstore_preferred:post secretstore_preferred:delete
transport_keys:get transport_keys:post transport_key:get transport_key:delete
""".split()
# Ours.
NAMES += """
backup_key:put backup_key:get backup_key:delete
replication_user_key:put replication_user_key:get replication_user_key:delete
backup_keys:get replication_user_keys:get project_keys:rotate
master_keys:get master_keys:rotate master_keys:migrate master_keys:retire
""".split()
# And those that rules in such a file may refer to.
CHECKS = """
secret_project_match secret_project_reader secret_project_member
secret_project_admin secret_owner secret_is_not_private secret_acl_read
container_project_match container_project_member container_project_admin
container_owner container_is_not_private container_acl_read
order_project_match order_project_member
audit observer creator admin service_admin
all_users all_but_audit admin_or_creator
secret_creator_user secret_private_read secret_non_private_read
secret_decrypt_non_private_read secret_project_creator
secret_project_creator_role container_private_read container_creator_user
container_non_private_read container_project_creator
container_project_creator_role
""".split()


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
        self.assertEqual(set(NAMES), set(self.documented))
        self.assertEqual({*NAMES, *CHECKS}, set(self.rules))

    def test_each_operation_has_a_description_and_a_scope(self) -> None:
        for name, rule in self.documented.items():
            with self.subTest(name):
                self.assertTrue(rule.description)
                self.assertEqual(['project'], rule.scope_types)
                for operation in rule.operations:
                    self.assertRegex(operation['path'], '^(/workflow)?/v1/')

    def test_rules_that_rules_name_exist(self) -> None:
        checks = [rule.check_str for rule in self.rules.values()]
        checks += [
            rule.deprecated_rule.check_str
            for rule in self.documented.values()
            if rule.deprecated_rule
        ]
        for check in checks:
            for word in check.replace('(', ' ').split():
                if word.startswith('rule:'):
                    name = word.removeprefix('rule:').rstrip(')')
                    self.assertIn(name, self.rules)

    def test_nothing_is_open_to_all(self) -> None:
        for name, rule in self.documented.items():
            with self.subTest(name):
                assert rule.deprecated_rule is not None
                new, old = rule.check_str, rule.deprecated_rule.check_str
                self.assertTrue(
                    new.startswith('True:%(enforce_new_defaults)s and (')
                )
                self.assertNotIn(old, ('', '@', '!'))
                self.assertNotIn('()', new)
                self.assertNotIn('@', new)

    def test_the_sample_can_be_generated(self) -> None:
        for rule in self.rules.values():
            text = generator._format_rule_default_yaml(rule)
            self.assertIn(f'"{rule.name}"', text)
