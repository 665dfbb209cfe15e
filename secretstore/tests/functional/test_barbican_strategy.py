# SPDX-License-Identifier: Apache-2.0
"""Master keys in a real Barbican, as the strategy keeps them."""

import base64
import logging
import unittest

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import barbican
from secretstore.tests.contract import strategy
from secretstore.tests.functional import base, custody, services
from secretstore.tests.functional.services import proxy, system

REGION = 'Custody'


class TestConformance(strategy.StrategyContract, base.FunctionalTest):
    def build(self) -> barbican.SecurityWorkflow:
        return custody.strategy(custody.custodian().url)

    def test_what_is_in_barbican(self) -> None:
        client = custody.client(custody.custodian().url)
        secret = client.secrets.get(self.reference)
        self.assertEqual('secretstore master key', secret.name)
        self.assertEqual('symmetric', secret.secret_type)
        self.assertEqual(('aes', 256), (secret.algorithm, secret.bit_length))
        self.assertEqual(32, len(secret.payload))


class _Base(base.FunctionalTest):
    def started(
        self, url: str | None, **more: object
    ) -> barbican.SecurityWorkflow:
        found = custody.strategy(url, **more)
        found.start()
        self.addCleanup(found.stop)
        return found


class TestStrategy(_Base):
    def setUp(self) -> None:
        super().setUp()
        self.url = custody.custodian().url
        self.key = aead.generate_key()

    def test_a_warm_cache_asks_nobody(self) -> None:
        with proxy.Proxy(self.url) as watched:
            warm = self.started(watched.url)
            reference = warm.create_master_key()
            wrapped = warm.wrap(reference, self.key, b'b')
            before = list(watched.paths)
            self.assertEqual(f'/v1/secrets/{reference}/payload', before[-1])
            for _ in range(20):
                warm.unwrap(reference, wrapped, b'b')
                warm.wrap(reference, self.key, b'b')
            self.assertEqual(before, watched.paths)

    def test_without_a_cache(self) -> None:
        with proxy.Proxy(self.url) as watched:
            cold = self.started(watched.url, key_cache_ttl=0)
            reference = cold.create_master_key()
            wrapped = cold.wrap(reference, self.key, b'b')
            before = len(watched.paths)
            for _ in range(3):
                cold.unwrap(reference, wrapped, b'b')
            self.assertEqual(before + 3, len(watched.paths))

    def test_found_in_the_catalog(self) -> None:
        for url in (self.url, f'{self.url}/v1'):
            services.keystone().register_endpoint(url, REGION)
            found = self.started(None, barbican_region_name=REGION)
            reference = found.create_master_key()
            wrapped = found.wrap(reference, self.key, b'b')
            self.assertEqual(self.key, found.unwrap(reference, wrapped, b'b'))

    def test_not_in_the_catalog(self) -> None:
        lost = custody.strategy(None, barbican_region_name='Nowhere')
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            lost.start()
        self.assertIn('barbican_url', caught.exception.message)

    def test_secret_that_is_no_key(self) -> None:
        client = custody.client(self.url)
        short = client.secrets.create(name='short', payload=b'\xff' * 31)
        empty = client.secrets.create(name='empty')
        found = self.started(self.url)
        for secret in (short, empty):
            reference = secret.store().rpartition('/')[2]
            with (
                self.subTest(secret.name),
                self.assertRaises(errors.MasterKeyNotFound) as caught,
            ):
                found.wrap(reference, self.key, b'b')
            self.assertIn(reference, caught.exception.message)

    def test_nothing_is_logged(self) -> None:
        with self.assertLogs(None, 'DEBUG') as logs:
            # oslo.log keeps some of these quiet, which others need not.
            for name in ('keystoneauth', 'urllib3', 'barbicanclient'):
                logging.getLogger(name).setLevel(logging.DEBUG)
            found = self.started(self.url)
            reference = found.create_master_key()
            found.wrap(reference, self.key, b'b')
            with self.assertRaises(errors.MasterKeyNotFound):
                found.wrap(reference[:-12] + '0' * 12, self.key, b'b')
        log = '\n'.join(logs.output)
        self.assertIn('urllib3.connectionpool', log)
        self.assertIn('/v1/secrets/', log)
        secret = custody.client(self.url).secrets.get(reference)
        key = secret.payload
        token = secret._api.session.get_token()
        for needle in (
            base64.b64encode(key).decode(),
            key.hex(),
            repr(key)[2:-1],
            custody.CUSTODIAN.password,
            token[:20],
            'gAAAA',
        ):
            self.assertNotIn(needle, log)

    def test_a_project_of_others(self) -> None:
        mine = self.started(self.url)
        reference = mine.create_master_key()
        wrong = self.started(
            self.url,
            username='project_a_member',
            password='throw-away',
            project_name='project_a',
        )
        with self.assertRaises(errors.SecretStoreError) as caught:
            wrong.wrap(reference, self.key, b'b')
        self.assertIn('project', caught.exception.message)


class TestItself(_Base):
    """A secretstore cannot guard its own master keys."""

    def assert_refused(self, url: str) -> None:
        itself = custody.strategy(url)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            itself.start()
        self.assertIn('answers secretstore itself', caught.exception.message)

    def test_with_keystone(self) -> None:
        url = services.secretstore().url
        for same in (url, f'{url}/', f'{url}/v1', f'{url}/v1/'):
            self.assert_refused(same)

    def test_behind_a_proxy(self) -> None:
        behind = services.secretstore().url
        with proxy.Proxy(behind, '/key-manager') as before:
            self.assert_refused(before.url)
            self.assertEqual(['/'], sorted({p or '/' for p in before.paths}))

    def test_standalone(self) -> None:
        self.assert_refused(services.standalone().url)


class TestOptions(unittest.TestCase):
    def refusal(self, **more: object) -> str:
        found = custody.strategy('http://127.0.0.1:9', **more)
        with self.assertRaises(errors.StartupError) as caught:
            found.start()
        self.assertNotIn('\n', caught.exception.message)
        return caught.exception.message

    def test_no_credentials(self) -> None:
        self.assertIn('auth_type is not set', self.refusal(auth_type=''))

    def test_unknown_kind_of_credentials(self) -> None:
        self.assertIn('magic', self.refusal(auth_type='magic'))

    def test_client_that_is_not_there(self) -> None:
        message = self.refusal(remote_barbican_client='no.such.Client')
        self.assertIn('remote_barbican_client = no.such.Client', message)
        message = self.refusal(remote_barbican_client='os.sep')
        self.assertIn('cannot be called', message)

    def test_nobody_there(self) -> None:
        found = custody.strategy(f'http://{system.HOST}:9')
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            found.start()
        self.assertIn('barbican_url', caught.exception.message)
