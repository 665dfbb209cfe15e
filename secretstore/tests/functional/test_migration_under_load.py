# SPDX-License-Identifier: Apache-2.0
"""Keys move from files to a token while everything is used, and back."""

from secretstore.tests.functional import base, migrating
from secretstore.tests.functional.services import system, tokens

SIZE = migrating.Size(
    secrets=2000, projects=40, batch_size=1, batch_interval=0.2, idle=1
)


class TestMigrationUnderLoad(base.FunctionalTest):
    def test_there_and_back(self) -> None:
        token = tokens.SoftHsm()
        token.use_in(self)
        site = migrating.Site(
            self.new_database('mariadb'),
            SIZE,
            {
                'DEFAULT': {'enabled_security_strategies': 'pkcs11'},
                'pkcs11': token.options(),
            },
        )
        with site:
            site.fill()
            for strategy in ('pkcs11', 'proprietary'):
                step = site.migrate(strategy)
                system.say(str(step))
                self.assertEqual({}, step.failures, step)
                self.assertGreater(step.stored, 0)
                self.assertEqual(SIZE.projects, step.project_keys)
                self.assertGreater(step.killed_at, 0)
                self.assertEqual({strategy: SIZE.projects}, site.under())
                self.assertEqual([], site.lost())
            self.assertEqual(1, site.retire_all_but('proprietary'))
            self.assertEqual([], site.lost())
