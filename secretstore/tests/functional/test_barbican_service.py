# SPDX-License-Identifier: Apache-2.0
"""A service whose master keys, and keys by name, are in a real Barbican."""

from concurrent import futures
import typing
import uuid

from secretstore.tests.functional import (
    base,
    clients,
    custody,
    refusal,
    services,
)
from secretstore.tests.functional.services import own, proxy, web

BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}
HEADERS = clients.noauth('a project')


class TestService(base.FunctionalTest):
    watched: typing.ClassVar[proxy.Proxy]
    server: typing.ClassVar[own.SecretStore]

    @classmethod
    def setUpClass(cls) -> None:
        cls.barbican = custody.custodian().url
        cls.watched = cls.enterClassContext(proxy.Proxy(cls.barbican))
        cls.server = own.SecretStore(
            cls().new_database('sqlite'), custody.of(cls.watched.url)
        )
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()

    def call(self, method: str, path: str, body: object = None) -> web.Answer:
        return web.call(method, self.server.url + path, body, HEADERS)

    def store(self) -> str:
        stored = self.call('POST', '/v1/secrets', BODY)
        self.assertEqual(201, stored.status, stored.body)
        ref: str = stored.json()['secret_ref']
        return ref.removeprefix(self.server.url)

    def read(self, ref: str) -> None:
        read = self.call('GET', f'{ref}/payload')
        self.assertEqual((200, b'hush'), (read.status, read.body))

    def backup(self, method: str, backup_id: str) -> web.Answer:
        path = f'/workflow/v1/backups/{backup_id}/encryption-key'
        body = {'backup_name': 'nightly'} if method == 'PUT' else None
        return self.call(method, path, body)

    def in_barbican(self, backup_id: str) -> list[typing.Any]:
        secrets = custody.client(self.barbican).secrets
        found: list[typing.Any] = secrets.list(
            name=f'backup {backup_id} nightly'
        )
        return found

    def test_secrets(self) -> None:
        refs = [self.store() for _ in range(8)]
        for ref in refs:
            self.read(ref)
        self.server.restart()
        for ref in refs:
            self.read(ref)

    def test_a_warm_cache_asks_nobody(self) -> None:
        refs = [self.store() for _ in range(8)]
        # Both processes have the key by now, or have not been asked.
        for _ in range(5):
            for ref in refs:
                self.read(ref)
        before = len(self.watched.paths)
        for _ in range(5):
            for ref in [*refs, self.store()]:
                self.read(ref)
        self.assertEqual(before, len(self.watched.paths))

    def test_keys_by_name_are_barbicans(self) -> None:
        backup_id = str(uuid.uuid4())
        with futures.ThreadPoolExecutor(8) as pool:
            made = list(pool.map(self.backup, ['PUT'] * 8, [backup_id] * 8))
        self.assertLessEqual({a.status for a in made}, {200, 201})
        (key,) = {answer.json()['key'] for answer in made}
        (secret,) = self.in_barbican(backup_id)
        self.assertEqual(bytes.fromhex(key), secret.payload)
        self.assertEqual(
            ('aes', 'cbc', 256),
            (secret.algorithm, secret.mode, secret.bit_length),
        )
        self.assertEqual(key, self.backup('GET', backup_id).json()['key'])
        self.assertEqual(204, self.backup('DELETE', backup_id).status)
        self.assertEqual([], self.in_barbican(backup_id))
        self.assertEqual(404, self.backup('GET', backup_id).status)

    def test_a_key_that_barbican_lost(self) -> None:
        backup_id = str(uuid.uuid4())
        self.backup('PUT', backup_id)
        (secret,) = self.in_barbican(backup_id)
        secret.delete()
        lost = self.backup('PUT', backup_id)
        self.assertEqual(500, lost.status)
        self.assertEqual('master_key_not_found', lost.json()['error']['code'])
        self.assertEqual(204, self.backup('DELETE', backup_id).status)
        self.assertEqual(201, self.backup('PUT', backup_id).status)

    def test_barbican_away(self) -> None:
        ref = self.store()
        self.read(ref)
        backup_id = str(uuid.uuid4())
        made = self.backup('PUT', backup_id)
        custodian = custody.custodian()
        custodian.stop()
        self.addCleanup(custodian.start)
        self.read(ref)
        away = self.backup('GET', backup_id)
        self.assertEqual(503, away.status)
        self.assertEqual(
            'master_key_unavailable', away.json()['error']['code']
        )
        self.assertGreater(int(away.headers['retry-after']), 0)
        health = web.call('GET', f'{self.server.url}/healthcheck')
        self.assertEqual(503, health.status)
        custodian.start()
        self.assertEqual(
            made.json()['key'], self.backup('GET', backup_id).json()['key']
        )


class TestItself(base.FunctionalTest):
    def test_does_not_start(self) -> None:
        with proxy.Proxy(services.secretstore().url, '/keys') as before:
            # Each process of its own says why it does not start.
            server = own.SecretStore(
                self.new_database('sqlite'),
                custody.of(before.url),
                processes=1,
            )
            server.prepare()
            message = refusal.of(self, server)
        self.assertIn('Security strategy barbican', message)
        self.assertIn('answers secretstore itself', message)
        self.assertIn('barbican_url', message)
