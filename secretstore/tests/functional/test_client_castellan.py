# SPDX-License-Identifier: Apache-2.0
"""castellan with its Barbican driver, unmodified: Nova's and Cinder's way."""

import datetime
import time
import typing
import unittest
import uuid

from castellan import key_manager
from castellan.common import exception
from castellan.common.credentials import keystone_password
from castellan.common.objects import (
    managed_object,
    opaque_data,
    passphrase,
    private_key,
    public_key,
    symmetric_key,
    x_509,
)
from cryptography.hazmat.primitives import serialization
from oslo_config import cfg
from oslo_context import context

from secretstore.tests.functional import clients, material, services
from secretstore.tests.functional.services import accounts

DER = material.Encoding.DER
# What castellan's callers ask for, and all else that there is. A key pair of
# DSA is not among them: castellan refuses its container.
KEYS = (
    *(('aes', length) for length in (128, 192, 256, 512)),
    ('AES', 256),
    ('des', 64),
    ('3des', 192),
    ('desede', 192),
    *((f'hmacsha{bits}', 256) for bits in (1, 256, 384, 512)),
)
PAIRS = (
    *(('rsa', length) for length in (1024, 2048, 3072)),
    ('RSA', 4096),
    *(('ec', length) for length in (256, 384, 521)),
    ('ed25519', 256),
)


class BasicAuthContext(context.RequestContext):
    """How a service without Keystone hands its credentials to castellan."""

    def __init__(self, auth: object) -> None:
        super().__init__()
        self._auth = auth

    def get_auth_plugin(self) -> object:
        return self._auth


def objects(name: str) -> list[managed_object.ManagedObject]:
    """One of each type that castellan knows."""
    return [
        symmetric_key.SymmetricKey('aes', 256, bytes(range(32)), name),
        passphrase.Passphrase('pässphrase'.encode(), name),
        opaque_data.OpaqueData(b'\x00\xff opaque', name),
        private_key.PrivateKey('rsa', 2048, material.private_key(DER), name),
        public_key.PublicKey('rsa', 2048, material.public_key(DER), name),
        x_509.X509(material.certificate(DER), name),
    ]


class _Castellan:
    """The tests; a class below says against what they run."""

    manager: typing.Any
    context: object

    @classmethod
    def use(cls, **barbican: str) -> None:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        cls.manager = key_manager.API(conf)
        for name, value in barbican.items():
            conf.set_override(name, value, 'barbican')

    def store(self, what: managed_object.ManagedObject, **more: object) -> str:
        stored: str = self.manager.store(self.context, what, **more)
        # castellan's callers keep the bare id, often in 36 characters.
        self.assertEqual(stored, str(uuid.UUID(stored)))
        return stored

    def named(self, name: str, kind: object = None) -> dict[str, typing.Any]:
        return {
            found.id: found
            for found in self.manager.list(self.context, kind)
            if found.name == name
        }

    def test_store_get_list_and_delete_every_type(self) -> None:
        for what in objects(uuid.uuid4().hex):
            with self.subTest(type(what).__name__):
                self._one(what)

    def _one(self, what: managed_object.ManagedObject) -> None:
        stored = self.store(what)
        found = self.manager.get(self.context, stored)
        # Equality covers type, value, algorithm and length.
        self.assertEqual(what, found)
        self.assertEqual(what.get_encoded(), found.get_encoded())
        self.assertEqual(stored, found.id)
        self.assertLess(abs(time.time() - found.created), 60)
        self.assertEqual([], found.consumers)
        listed = self.named(what.name, type(what))
        self.assertEqual([stored], list(listed))
        self.assertEqual(what, listed[stored])
        self.manager.delete(self.context, stored)
        self.assertEqual({}, self.named(what.name))
        for act in (self.manager.get, self.manager.delete):
            with self.assertRaises(exception.ManagedObjectNotFoundError):
                act(self.context, stored)

    def test_metadata_only(self) -> None:
        for what in objects(uuid.uuid4().hex):
            with self.subTest(type(what).__name__):
                stored = self.store(what)
                found = self.manager.get(
                    self.context, stored, metadata_only=True
                )
                self.assertIs(type(what), type(found))
                self.assertTrue(found.is_metadata_only())
                self.assertIsNone(found.get_encoded())
                self.assertEqual(what.name, found.name)
                for field in ('algorithm', 'bit_length'):
                    self.assertEqual(
                        getattr(what, field, None),
                        getattr(found, field, None),
                    )
                self.manager.delete(self.context, stored)

    def test_consumers(self) -> None:
        stored = self.store(passphrase.Passphrase(b'x'))
        consumer = {
            'service': 'volume',
            'resource_type': 'volumes',
            'resource_id': str(uuid.uuid4()),
        }
        self.manager.add_consumer(self.context, stored, consumer)
        self.assertEqual([consumer], self._consumers(stored))
        with self.assertRaisesRegex(exception.KeyManagerError, 'consumers'):
            self.manager.delete(self.context, stored)
        self.manager.remove_consumer(self.context, stored, consumer)
        self.assertEqual([], self._consumers(stored))
        self.manager.add_consumer(self.context, stored, consumer)
        self.manager.delete(self.context, stored, force=True)
        for act in (self.manager.add_consumer, self.manager.remove_consumer):
            with self.assertRaises(exception.ManagedObjectNotFoundError):
                act(self.context, stored, consumer)

    def _consumers(self, stored: str) -> object:
        return self.manager.get(self.context, stored).consumers

    def test_options(self) -> None:
        options = dict(self.manager.list_options_for_discovery())
        names = [option.name for option in options['barbican']]
        self.assertIn('barbican_endpoint', names)

    def test_expiration(self) -> None:
        name = uuid.uuid4().hex
        soon = datetime.datetime.now() + datetime.timedelta(seconds=2)
        stored = self.store(
            passphrase.Passphrase(b'x', name),
            expiration=soon.astimezone(datetime.UTC).isoformat(),
        )
        self.assertIn(stored, self.named(name))
        time.sleep(2.2)
        self.assertEqual({}, self.named(name))
        with self.assertRaises(exception.ManagedObjectNotFoundError):
            self.manager.get(self.context, stored)

    def test_create_key(self) -> None:
        for algorithm, length in KEYS:
            with self.subTest(algorithm, length=length):
                name = uuid.uuid4().hex
                stored = self.manager.create_key(
                    self.context, algorithm, length, name=name
                )
                key = self.manager.get(self.context, stored)
                self.assertIs(symmetric_key.SymmetricKey, type(key))
                self.assertEqual(length, len(key.get_encoded()) * 8)
                self.assertEqual(
                    (algorithm, length, name),
                    (key.algorithm, key.bit_length, key.name),
                )
                self.manager.delete(self.context, stored)

    def test_create_key_that_expires(self) -> None:
        soon = datetime.datetime.now(datetime.UTC)
        soon += datetime.timedelta(seconds=2)
        stored = self.manager.create_key(
            self.context, 'aes', 256, expiration=soon.isoformat()
        )
        self.manager.get(self.context, stored)
        time.sleep(2.2)
        with self.assertRaises(exception.ManagedObjectNotFoundError):
            self.manager.get(self.context, stored)

    def test_create_key_pair(self) -> None:
        for algorithm, length in PAIRS:
            with self.subTest(algorithm, length=length):
                self._one_pair(algorithm, length)

    def _one_pair(self, algorithm: str, length: int) -> None:
        name = uuid.uuid4().hex
        ids = self.manager.create_key_pair(
            self.context, algorithm, length, name=name
        )
        private, public = (
            self.manager.get(self.context, stored) for stored in ids
        )
        self.assertIs(private_key.PrivateKey, type(private))
        self.assertIs(public_key.PublicKey, type(public))
        for key in (private, public):
            self.assertEqual(
                (algorithm, length, name),
                (key.algorithm, key.bit_length, key.name),
            )
        loaded = serialization.load_der_private_key(
            private.get_encoded(), None
        )
        self.assertEqual(
            loaded.public_key(),
            serialization.load_der_public_key(public.get_encoded()),
        )
        # The order and its container are gone: castellan deletes both.
        self.assertEqual(set(ids), set(self.named(name)))
        for stored in ids:
            self.manager.delete(self.context, stored)

    def test_no_such_algorithm(self) -> None:
        for create in (self.manager.create_key, self.manager.create_key_pair):
            with self.assertRaisesRegex(
                exception.KeyManagerError, 'plugin not found'
            ):
                create(self.context, 'nonsense', 128)

    def test_no_context(self) -> None:
        with self.assertRaises(exception.Forbidden):
            self.manager.get(None, str(uuid.uuid4()))

    def test_unknown_id(self) -> None:
        with self.assertRaises(exception.ManagedObjectNotFoundError):
            self.manager.get(self.context, str(uuid.uuid4()))


class TestStandalone(_Castellan, unittest.TestCase):
    """castellan appends v1 by itself: the endpoint is the service's root."""

    @classmethod
    def setUpClass(cls) -> None:
        deployment = clients.standalone()
        cls.context = BasicAuthContext(deployment.auth)
        cls.use(barbican_endpoint=deployment.url)


class TestKeystone(_Castellan, unittest.TestCase):
    """The endpoint comes from the catalog."""

    @classmethod
    def setUpClass(cls) -> None:
        clients.keystone()
        account = accounts.BENCH
        cls.context = keystone_password.KeystonePassword(
            auth_url=services.keystone().auth_url,
            username=account.user,
            password=account.password,
            project_name=account.project,
            user_domain_name='Default',
            project_domain_name='Default',
        )
        cls.use(barbican_region_name=clients.REGION)

    def test_token(self) -> None:
        """The context that Nova and Cinder pass on: their user's token."""
        identity = services.keystone()
        token = identity.token(accounts.BENCH.user)
        self.use(
            barbican_region_name=clients.REGION,
            auth_endpoint=identity.auth_url,
        )
        user = context.RequestContext(
            auth_token=token,
            project_id=identity.project_id(accounts.BENCH.project),
        )
        key = symmetric_key.SymmetricKey('aes', 512, bytes(64))
        stored = self.manager.store(user, key)
        self.assertEqual(key, self.manager.get(self.context, stored))
        self.manager.delete(user, stored)
