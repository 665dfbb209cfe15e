# SPDX-License-Identifier: Apache-2.0
"""python-barbicanclient on every resource beside secrets."""

import typing
import unittest
import uuid

from barbicanclient import client as barbicanclient
from barbicanclient import exceptions
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from keystoneauth1 import session

from secretstore.tests.functional import clients


class _Resources:
    """The tests; a class below says against what they run."""

    barbican: typing.Any
    deployment: clients.Deployment

    def secret(self, payload: str | bytes = 'hush') -> typing.Any:
        secret = self.barbican.secrets.create(payload=payload)
        secret.store()
        self.addCleanup(self.barbican.secrets.delete, secret.secret_ref)
        return secret

    def gone(self, act: typing.Callable[[], object]) -> None:
        with self.assertRaises(exceptions.HTTPClientError) as caught:
            act()
        self.assertEqual(404, caught.exception.status_code)

    def test_generic_container(self) -> None:
        containers = self.barbican.containers
        secrets = {f'secret {n}': self.secret(f'{n}') for n in range(3)}
        name = uuid.uuid4().hex
        ref = containers.create(name=name, secrets=secrets).store()
        found = containers.get(ref)
        self.assertEqual(name, found.name)
        payloads = {k: secret.payload for k, secret in found.secrets.items()}
        self.assertEqual(
            {'secret 0': '0', 'secret 1': '1', 'secret 2': '2'}, payloads
        )
        listed = containers.list(name=name)
        self.assertEqual([ref], [c.container_ref for c in listed])
        containers.delete(ref)
        self.gone(lambda: containers.get(ref))
        self.assertEqual('0', secrets['secret 0'].payload)

    def test_rsa_container(self) -> None:
        containers = self.barbican.containers
        ref = containers.create_rsa(
            name='pair',
            public_key=self.secret('public'),
            private_key=self.secret('private'),
            private_key_passphrase=self.secret('pass phrase'),
        ).store()
        self.addCleanup(containers.delete, ref)
        found = containers.get(ref)
        self.assertEqual('private', found.private_key.payload)
        self.assertEqual('pass phrase', found.private_key_passphrase.payload)

    def test_certificate_container(self) -> None:
        """What Octavia reads of a listener with TLS."""
        containers = self.barbican.containers
        ref = containers.create_certificate(
            name='tls',
            certificate=self.secret('certificate'),
            private_key=self.secret('private'),
            intermediates=self.secret('intermediates'),
        ).store()
        self.addCleanup(containers.delete, ref)
        found = containers.register_consumer(
            ref, 'Octavia', 'http://octavia.example.org/v2/listeners/1'
        )
        self.assertEqual('certificate', found.certificate.payload)
        self.assertEqual('intermediates', found.intermediates.payload)
        self.assertEqual(
            [
                {
                    'name': 'Octavia',
                    'URL': 'http://octavia.example.org/v2/listeners/1',
                }
            ],
            containers.get(ref).consumers,
        )
        containers.remove_consumer(
            ref, 'Octavia', 'http://octavia.example.org/v2/listeners/1'
        )
        self.assertEqual([], containers.get(ref).consumers)

    def test_order_of_a_key(self) -> None:
        orders = self.barbican.orders
        order = orders.create_key(
            name='volume',
            algorithm='AES',
            bit_length=512,
            mode='xts',
            payload_content_type='application/octet-stream',
        )
        ref = order.submit()
        found = orders.get(ref)
        self.assertEqual('ACTIVE', found.status)
        secret = self.barbican.secrets.get(found.secret_ref)
        self.assertEqual(64, len(secret.payload))
        self.assertIn(ref, [o.order_ref for o in orders.list(limit=100)])
        orders.delete(ref)
        self.gone(lambda: orders.get(ref).status)
        # The key stays.
        self.assertEqual(64, len(secret.payload))
        self.barbican.secrets.delete(found.secret_ref)

    def test_order_of_a_key_pair(self) -> None:
        order = self.barbican.orders.create_asymmetric(
            name='pair', algorithm='rsa', bit_length=2048
        )
        ref = order.submit()
        found = self.barbican.orders.get(ref)
        self.addCleanup(self.barbican.orders.delete, ref)
        self.assertEqual('ACTIVE', found.status, found.error_reason)
        pair = self.barbican.containers.get(found.container_ref)
        self.addCleanup(self.barbican.containers.delete, found.container_ref)
        private = serialization.load_pem_private_key(
            pair.private_key.payload, None
        )
        assert isinstance(private, rsa.RSAPrivateKey)
        self.assertEqual(2048, private.key_size)
        public = serialization.load_pem_public_key(pair.public_key.payload)
        self.assertEqual(private.public_key(), public)

    def test_acls(self) -> None:
        secret = self.secret()
        ref = secret.secret_ref
        acls = self.barbican.acls
        acl = acls.create(entity_ref=ref, users=['u1'], project_access=False)
        acl.submit()
        found = acls.get(ref)
        self.assertEqual(['u1'], found.read.users)
        self.assertIs(False, found.read.project_access)
        found.read.users.append('u2')
        found.submit()
        self.assertEqual({'u1', 'u2'}, set(acls.get(ref).read.users))
        found.remove()
        self.assertEqual([], acls.get(ref).read.users)
        self.assertIs(True, acls.get(ref).read.project_access)

    def test_consumers_protect_a_secret(self) -> None:
        secrets = _newest(self.deployment).secrets
        stored = secrets.create(payload='hush')
        ref = stored.store()
        consumer = {
            'service': 'volume',
            'resource_type': 'volumes',
            'resource_id': uuid.uuid4().hex,
        }
        secrets.register_consumer(ref, **consumer)
        found = secrets.get(ref)
        self.assertEqual([consumer], found.consumers)
        listed = secrets.list_consumers(ref)
        self.assertEqual(
            [consumer['resource_id']], [c.resource_id for c in listed]
        )
        with self.assertRaises(exceptions.SecretHasConsumers):
            secrets.delete(ref)
        secrets.remove_consumer(ref, **consumer)
        self.assertEqual([], secrets.get(ref).consumers)
        secrets.register_consumer(ref, **consumer)
        secrets.delete(ref, force=True)
        self.gone(lambda: secrets.get(ref).status)


class TestStandalone(_Resources, unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.deployment = clients.standalone()
        cls.barbican = cls.deployment.barbican()


class TestKeystone(_Resources, unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.deployment = clients.keystone()
        cls.barbican = cls.deployment.barbican()


def _newest(deployment: clients.Deployment) -> typing.Any:
    return barbicanclient.Client(
        session=session.Session(auth=deployment.auth),
        region_name=deployment.region,
        microversion='1.2',
    )
