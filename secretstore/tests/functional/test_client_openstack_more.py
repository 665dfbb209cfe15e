# SPDX-License-Identifier: Apache-2.0
"""The openstack command on every resource beside secrets."""

import json
import typing
import unittest
import uuid

from secretstore.tests.functional import clients
from secretstore.tests.functional.services import own, process, system


class TestOpenstack(unittest.TestCase):
    deployment: typing.ClassVar[clients.Deployment]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.home = process.new_folder('home')
        cls.deployment = clients.standalone()

    def openstack(self, *words: str) -> str:
        env = {'HOME': str(self.home), **self.deployment.openstack_env}
        return system.run(
            [own.program('openstack'), *words],
            env=system.environment(**env),
            cwd=self.home,
        )

    def ask(self, *words: str) -> typing.Any:
        return json.loads(self.openstack(*words, '-f', 'json'))

    def secret(self) -> str:
        """The reference of a new secret."""
        stored = self.ask(
            *('secret', 'store', '--payload', 'hush'),
            *('--payload-content-type', 'text/plain'),
        )
        return str(stored['Secret href'])

    def test_containers(self) -> None:
        name, ref = uuid.uuid4().hex, self.secret()
        made = self.ask(
            *('secret', 'container', 'create', '--name', name),
            *('--secret', f'key={ref}'),
        )
        href = made['Container href']
        shown = self.ask('secret', 'container', 'get', href)
        self.assertEqual(name, shown['Name'])
        self.assertIn(ref, str(shown['Secrets']))
        listed = self.ask('secret', 'container', 'list', '--name', name)
        self.assertEqual([href], [row['Container href'] for row in listed])
        self.openstack('secret', 'container', 'delete', href)
        with self.assertRaisesRegex(system.Error, 'Not Found'):
            self.openstack('secret', 'container', 'get', href)

    def test_orders(self) -> None:
        made = self.ask(
            *('secret', 'order', 'create', 'key', '--name', 'volume'),
            *('--algorithm', 'aes', '--bit-length', '256', '--mode', 'xts'),
        )
        href = made['Order href']
        shown = self.ask('secret', 'order', 'get', href)
        self.assertEqual('ACTIVE', shown['Status'])
        listed = self.ask('secret', 'order', 'list', '--limit', '100')
        self.assertIn(href, [row['Order href'] for row in listed])
        self.openstack('secret', 'order', 'delete', href)
        key = self.ask('secret', 'get', shown['Secret href'])
        self.assertEqual((256, 'xts'), (key['Bit length'], key['Mode']))
        self.openstack('secret', 'delete', shown['Secret href'])

    def test_access_lists(self) -> None:
        ref, user = self.secret(), uuid.uuid4().hex
        self.openstack(
            *('acl', 'submit', '--user', user, '--no-project-access', ref)
        )
        (row,) = self.ask('acl', 'get', ref)
        self.assertIs(False, row['Project Access'])
        self.assertIn(user, row['Users'])
        self.openstack('acl', 'user', 'remove', '--user', user, ref)
        (row,) = self.ask('acl', 'get', ref)
        self.assertNotIn(user, row['Users'])
        self.openstack('acl', 'delete', ref)
        (row,) = self.ask('acl', 'get', ref)
        self.assertIs(True, row['Project Access'])

    def test_consumers(self) -> None:
        ref, resource = self.secret(), uuid.uuid4().hex
        words = (
            *('--service-type-name', 'volume'),
            *('--resource-type', 'volumes', '--resource-id', resource, ref),
        )
        self.openstack('secret', 'consumer', 'create', *words)
        (row,) = self.ask('secret', 'consumer', 'list', ref)
        self.assertEqual(resource, row['Resource id'])
        self.openstack('secret', 'consumer', 'delete', *words)
        self.assertEqual([], self.ask('secret', 'consumer', 'list', ref))
