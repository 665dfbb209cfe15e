# SPDX-License-Identifier: Apache-2.0
"""The openstack command, as users type it."""

import json
import typing
import unittest
import uuid

from secretstore.tests.functional import clients
from secretstore.tests.functional.services import own, process, system


class _Openstack(unittest.TestCase):
    """Runs the command in the environment of a deployment."""

    deployment: clients.Deployment

    @classmethod
    def setUpClass(cls) -> None:
        cls.home = process.new_folder('home')

    def openstack(self, *words: str) -> str:
        env = {'HOME': str(self.home), **self.deployment.openstack_env}
        return system.run(
            [own.program('openstack'), *words],
            env=system.environment(**env),
            cwd=self.home,
        )

    def ask(self, *words: str) -> typing.Any:
        return json.loads(self.openstack('secret', *words, '-f', 'json'))

    def store(self, *words: str) -> tuple[str, str]:
        """Store a secret under a name of its own: name, reference."""
        name = uuid.uuid4().hex
        stored = self.ask('store', '--name', name, *words)
        return name, stored['Secret href']


class TestStandalone(_Openstack):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.deployment = clients.standalone()

    def test_store_list_get_and_delete(self) -> None:
        name, ref = self.store(
            *('--payload', 'hush', '--payload-content-type', 'text/plain'),
            *('--secret-type', 'passphrase'),
        )
        self.assertTrue(ref.startswith(f'{self.deployment.url}/v1/secrets/'))
        (listed,) = self.ask('list', '--name', name)
        self.assertEqual(ref, listed['Secret href'])
        shown = self.ask('get', ref)
        self.assertEqual(listed, shown)
        self.assertEqual('passphrase', shown['Secret type'])
        self.assertEqual({'default': 'text/plain'}, shown['Content types'])
        self.assertEqual('hush', self.ask('get', '--payload', ref)['Payload'])
        self.openstack('secret', 'delete', ref)
        self.assertEqual([], self.ask('list', '--name', name))
        with self.assertRaisesRegex(system.Error, 'Not Found'):
            self.openstack('secret', 'get', ref)

    def test_payload_in_a_second_step(self) -> None:
        name, ref = self.store()
        self.assertIsNone(self.ask('get', ref)['Content types'])
        self.openstack('secret', 'update', ref, 'later')
        self.assertEqual('later', self.ask('get', '-p', ref)['Payload'])
        with self.assertRaisesRegex(system.Error, 'already has data'):
            self.openstack('secret', 'update', ref, 'again')
        self.assertEqual('later', self.ask('get', '-p', ref)['Payload'])

    def test_payload_without_a_content_type(self) -> None:
        """The command stores it as binary and asks for it as text."""
        _, ref = self.store('--payload', 'hush')
        kind = self.ask('get', ref)['Content types']
        self.assertEqual({'default': 'application/octet-stream'}, kind)
        self.assertEqual('hush', self.ask('get', '-p', ref)['Payload'])

    def test_file(self) -> None:
        source, target = self.home / 'source', self.home / 'target'
        source.write_bytes(bytes(range(256)))
        target.unlink(missing_ok=True)
        _, ref = self.store('--file', str(source))
        self.openstack(
            *('secret', 'get', ref, '--file', str(target)),
            *('--payload_content_type', 'application/octet-stream'),
        )
        self.assertEqual(source.read_bytes(), target.read_bytes())

    def test_errors_say_what_is_wrong(self) -> None:
        with self.assertRaisesRegex(system.Error, 'before current time'):
            self.store('--expiration', '2001-01-01')
        with self.assertRaisesRegex(system.Error, 'too large'):
            self.store(
                *('--payload', 20001 * 'x'),
                *('--payload-content-type', 'text/plain'),
            )


class TestKeystone(_Openstack):
    """The catalog leads to the service, and a token is enough for it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.deployment = clients.keystone()

    def test_store_and_get(self) -> None:
        name, ref = self.store('--payload', 'hush')
        (listed,) = self.ask('list', '--name', name)
        self.assertEqual(ref, listed['Secret href'])
        self.assertEqual('hush', self.ask('get', '-p', ref)['Payload'])
