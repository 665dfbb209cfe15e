# SPDX-License-Identifier: Apache-2.0
"""Somebody who can write to the database changes what is stored there.

Whatever was changed is refused as corrupt, and never returned.
"""

import sqlite3
import typing
import uuid

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, web

PAYLOAD = 'payload-of-{}'
A = clients.noauth('project-a')
B = clients.noauth('project-b')
# Offsets of the parts of an envelope.
PARTS = {
    'version': 0,
    'project key id': 1,
    'nonce of the data key': 17,
    'wrapped data key': 40,
    'tag of the data key': 76,
    'nonce': 77,
    'ciphertext': 89,
    'tag': -1,
}


class TestCiphertext(base.FunctionalTest):
    server: typing.ClassVar[own.SecretStore]
    db: typing.ClassVar[sqlite3.Connection]

    @classmethod
    def setUpClass(cls) -> None:
        url = cls().new_database('sqlite')
        # Without a cache, so that changed keys are noticed at once.
        cls.server = own.SecretStore(
            url, {'conductor': {'key_cache_ttl': 0}}, processes=1
        )
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        cls.db = sqlite3.connect(url.removeprefix('sqlite:///'))
        cls.addClassCleanup(cls.db.close)

    def store(self, headers: dict[str, str]) -> str:
        """The id of a new secret; its payload has its name inside."""
        name = uuid.uuid4().hex
        body = {
            'name': name,
            'payload': PAYLOAD.format(name),
            'payload_content_type': 'text/plain',
        }
        url = f'{self.server.url}/v1/secrets'
        answer = web.call('POST', url, body, headers)
        secret_id = str(answer.json()['secret_ref']).rpartition('/')[2]
        self.assertEqual(
            body['payload'], self.read(secret_id, headers).body.decode()
        )
        return secret_id

    def read(self, secret_id: str, headers: dict[str, str]) -> web.Answer:
        url = f'{self.server.url}/v1/secrets/{secret_id}/payload'
        return web.call('GET', url, headers=headers)

    def is_refused(self, secret_id: str, headers: dict[str, str]) -> None:
        before = len(self.server.log_text())
        answer = self.read(secret_id, headers)
        self.assertEqual(500, answer.status, answer.body)
        error = answer.json()
        self.assertIn('corrupt', error['description'])
        logged = self.server.log_text()[before:]
        self.assertIn('corrupt', logged)
        self.assertIn(secret_id, logged)
        self.assertNotIn('Traceback', logged)
        for text in (answer.body.decode(), logged):
            self.assertNotIn(PAYLOAD.format(''), text)
        # What is known beside the payload can still be read, and deleted.
        url = f'{self.server.url}/v1/secrets/{secret_id}'
        self.assertEqual(200, web.call('GET', url, headers=headers).status)

    def envelope(self, secret_id: str) -> bytes:
        found = self.db.execute(
            'SELECT envelope FROM secret_payloads WHERE secret_id = ?',
            [secret_id],
        )
        return bytes(found.fetchone()[0])

    def write(self, statement: str, *values: object) -> None:
        with self.db:
            changed = self.db.execute(statement, values).rowcount
        self.assertEqual(1, changed)

    def replace(self, secret_id: str, envelope: bytes) -> None:
        self.write(
            'UPDATE secret_payloads SET envelope = ? WHERE secret_id = ?',
            envelope,
            secret_id,
        )

    def swap(self, one: str, other: str) -> None:
        mine, others = self.envelope(one), self.envelope(other)
        self.replace(one, others)
        self.replace(other, mine)

    def project_key(self, project: str) -> tuple[str, bytes]:
        found = self.db.execute(
            'SELECT id, wrapped_key FROM project_keys WHERE project_id = ?',
            [project],
        )
        row: tuple[str, bytes] = found.fetchone()
        return row

    def test_one_byte(self) -> None:
        secret_id = self.store(A)
        good = self.envelope(secret_id)
        for part, at in PARTS.items():
            with self.subTest(part):
                bad = bytearray(good)
                bad[at] ^= 1
                self.replace(secret_id, bytes(bad))
                self.is_refused(secret_id, A)
        self.replace(secret_id, good)
        self.assertEqual(200, self.read(secret_id, A).status)

    def test_length(self) -> None:
        secret_id = self.store(A)
        good = self.envelope(secret_id)
        for bad in (b'', good[:1], good[:77], good[:-1], good + b'\0'):
            with self.subTest(length=len(bad)):
                self.replace(secret_id, bad)
                self.is_refused(secret_id, A)

    def test_swapped_within_a_project(self) -> None:
        one, other = self.store(A), self.store(A)
        self.swap(one, other)
        self.is_refused(one, A)
        self.is_refused(other, A)

    def test_swapped_between_projects(self) -> None:
        one, other = self.store(A), self.store(B)
        self.swap(one, other)
        self.is_refused(one, A)
        self.is_refused(other, B)

    def test_moved_to_another_project(self) -> None:
        """A secret that claims to be another project's does not open."""
        secret_id = self.store(A)
        self.store(B)
        self.write(
            'UPDATE secrets SET project_id = ? WHERE id = ?',
            'project-b',
            secret_id,
        )
        self.is_refused(secret_id, B)
        self.assertEqual(403, self.read(secret_id, A).status)

    def test_another_projects_key(self) -> None:
        """The envelope names the key; the column beside it is an index."""
        secret_id = self.store(A)
        self.store(B)
        other_id, _ = self.project_key('project-b')
        self.write(
            'UPDATE secret_payloads SET project_key_id = ? '
            'WHERE secret_id = ?',
            other_id,
            secret_id,
        )
        self.assertEqual(200, self.read(secret_id, A).status)
        envelope = self.envelope(secret_id)
        named = envelope[:1] + uuid.UUID(other_id).bytes + envelope[17:]
        self.replace(secret_id, named)
        self.is_refused(secret_id, A)

    def test_exchanged_project_keys(self) -> None:
        secret_id = self.store(A)
        self.store(B)
        one, other = map(self.project_key, ('project-a', 'project-b'))
        statement = 'UPDATE project_keys SET wrapped_key = ? WHERE id = ?'
        self.write(statement, other[1], one[0])
        self.addCleanup(self.write, statement, one[1], one[0])
        self.is_refused(secret_id, A)
        # Nor is anything sealed under it.
        url = f'{self.server.url}/v1/secrets'
        body = {'payload': 'x', 'payload_content_type': 'text/plain'}
        self.assertEqual(500, web.call('POST', url, body, A).status)

    def test_missing_payload(self) -> None:
        secret_id = self.store(A)
        self.write(
            'DELETE FROM secret_payloads WHERE secret_id = ?', secret_id
        )
        self.is_refused(secret_id, A)

    def test_missing_project_key(self) -> None:
        headers = clients.noauth('project-c')
        secret_id = self.store(headers)
        self.write(
            'DELETE FROM project_keys WHERE project_id = ?', 'project-c'
        )
        self.is_refused(secret_id, headers)
