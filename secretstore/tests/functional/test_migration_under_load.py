# SPDX-License-Identifier: Apache-2.0
"""Keys move from files to a token while everything is used, and back."""

from secretstore.tests.functional import base, forms, migrating
from secretstore.tests.functional.services import system, tokens, uwsgi

SIZE = migrating.Size(
    secrets=1000, projects=24, batch_size=1, batch_interval=0.2, idle=1
)


class TestMigrationUnderLoad(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        token = tokens.SoftHsm()
        token.use_in(self)
        self.url = self.new_database('mariadb')
        self.options = uwsgi.merge(
            {
                'DEFAULT': {'enabled_security_strategies': 'pkcs11'},
                'pkcs11': token.options(),
            },
            migrating.options(SIZE),
        )

    def test_embedded(self) -> None:
        """A client repeats what it asked the service that was killed."""
        self.there_and_back(forms.Embedded(self.url, self.options))

    def test_apart(self) -> None:
        """No client sees that a conductor was killed."""
        for step in self.there_and_back(forms.Apart(self.url, self.options)):
            self.assertEqual(0, step.lost, step)

    def there_and_back(self, form: forms.Form) -> list[migrating.Step]:
        site = migrating.Site(form, SIZE)
        steps = []
        with form:
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
                steps.append(step)
            self.assertEqual(1, site.retire_all_but('proprietary'))
            self.assertEqual([], site.lost())
        return steps
