# SPDX-License-Identifier: Apache-2.0
"""The keys move to another custodian while everything is used, and back."""

from secretstore.tests.functional import base, migrating, second_files
from secretstore.tests.functional.services import system

SIZE = migrating.Size(
    secrets=2000, projects=40, batch_size=1, batch_interval=0.2, idle=1
)


class TestMigrationUnderLoad(base.FunctionalTest):
    def test_there_and_back(self) -> None:
        enabled = {'enabled_security_strategies': second_files.NAME}
        site = migrating.Site(
            self.new_database('mariadb'), SIZE, {'DEFAULT': enabled}
        )
        with site:
            site.fill()
            for strategy in (second_files.NAME, 'proprietary'):
                step = site.migrate(strategy)
                system.say(str(step))
                self.assertEqual({}, step.failures, step)
                self.assertGreater(step.stored, 0)
                self.assertEqual(SIZE.projects, step.project_keys)
                self.assertGreater(step.killed_at, 0)
                self.assertEqual({strategy: SIZE.projects}, site.under())
                self.assertEqual([], site.lost())
            self.assertEqual(1, site.retire_all_but('proprietary'))
            site.services[0].restart()
            self.assertEqual([], site.lost())
