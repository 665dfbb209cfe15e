# SPDX-License-Identifier: Apache-2.0
import base64
from typing import Any
import uuid

from secretstore.crypto import transport
from secretstore.tests.unit.api.base import ApiTest
from secretstore.tests.unit.api.sealing import (
    ADMIN,
    KEYS,
    TEXT,
    UNKNOWN,
    SealingTest,
)


class WithoutTest(ApiTest):
    """As it is by default."""

    def test_none(self) -> None:
        answer = self.get(KEYS)
        self.assertEqual({'transport_keys': [], 'total': 0}, answer.json)
        self.assert_error(
            404,
            'Not Found. Transport Key not found.',
            self.get(f'{KEYS}/{uuid.uuid4()}'),
        )
        self.assert_error(
            404,
            'Not Found. Provided transport key id is invalid.',
            self.get(f'{KEYS}/x'),
        )

    def test_none_for_secrets(self) -> None:
        refused = (
            "Provided object does not match schema 'Secret': no transport "
            "key is available. Invalid property: 'transport_key_needed'"
        )
        self.assert_error(
            400, refused, self.post({'transport_key_needed': 'true'})
        )
        path = self.store()
        self.assert_error(
            400, refused, self.get(f'{path}?transport_key_needed=true')
        )
        for key_id in ('x', str(uuid.uuid4())):
            self.assert_error(
                400,
                f'Secret update issue seen - {UNKNOWN}.',
                self.put(f'{path}?transport_key_id={key_id}', b'x', TEXT),
            )
        self.assertEqual(404, self.get(f'{path}/payload').status_int)

    def test_none_to_wrap_a_payload_with(self) -> None:
        path = self.store_text()
        for url in (path, f'{path}/payload'):
            for query in (
                'trans_wrapped_session_key=AAEC',
                f'trans%5Fwrapped_session_key=x&transport_key_id={uuid.uuid4()}',
            ):
                answer = self.get(f'{url}?{query}', Accept=TEXT)
                self.assertEqual(400, answer.status_int, query)
            for query in ('trans_wrapped_session_key=', 'other=trans'):
                answer = self.get(f'{url}?{query}', Accept=TEXT)
                self.assertEqual(200, answer.status_int, query)


class KeysTest(SealingTest):
    def register(self, **fields: str) -> Any:
        self.headers |= ADMIN
        return self.post(fields, KEYS)

    def test_own(self) -> None:
        raw = base64.b64decode(self.key['transport_key'])
        self.assertEqual(1216, len(raw))
        self.assertEqual(
            {
                'id': self.key_id,
                'plugin_name': transport.SUITE,
                'status': 'ACTIVE',
                'deleted': False,
                'deleted_at': None,
            },
            {
                key: value
                for key, value in self.key.items()
                if key not in ('transport_key', 'created_at', 'updated_at')
            },
        )

    def test_registered(self) -> None:
        answer = self.register(plugin_name='p', transport_key=' public ')
        ref = answer.json['transport_key_ref']
        self.assertEqual((201, ref), (answer.status_int, answer.location))
        path = KEYS + '/' + ref.rsplit('/', 1)[1]
        found = self.get(path).json
        self.assertEqual(
            ('p', 'public'), (found['plugin_name'], found['transport_key'])
        )
        listed = self.get(f'{KEYS}?plugin_name=p').json
        self.assertEqual({'transport_keys': [ref], 'total': 1}, listed)
        self.assertEqual(204, self.call('DELETE', path).status_int)
        for method in ('GET', 'DELETE'):
            self.assert_error(
                404,
                'Not Found. Transport Key not found.',
                self.call(method, path),
            )

    def test_register_refused(self) -> None:
        for fields in (
            {},
            {'plugin_name': 'p'},
            {'plugin_name': ' ', 'transport_key': 'k'},
            {'plugin_name': 'p', 'transport_key': 'a\0'},
            {'plugin_name': 256 * 'p', 'transport_key': 'k'},
            {'plugin_name': transport.SUITE, 'transport_key': 'k'},
        ):
            self.assertEqual(400, self.register(**fields).status_int, fields)

    def test_who_may(self) -> None:
        one = f'{KEYS}/{self.key_id}'
        for method, path in (('POST', KEYS), ('DELETE', one)):
            answer = self.call(
                method,
                path,
                '{"plugin_name": "p", "transport_key": "k"}',
                {'Content-Type': 'application/json', 'X-Roles': 'member'},
            )
            self.assertEqual(403, answer.status_int)
        for path in (KEYS, one):
            self.assertEqual(403, self.get(path, X_Roles='nothing').status_int)

    def test_a_new_key_in_place_of_one_that_is_deleted(self) -> None:
        path = self.store()
        sealed = self.for_secret(path, b'x')
        answer = self.call('DELETE', f'{KEYS}/{self.key_id}', headers=ADMIN)
        self.assertEqual(204, answer.status_int)
        self.assertEqual(400, self.put_sealed(path, sealed).status_int)
        before = self.key_id
        super().setUp()
        self.assertNotEqual(before, self.key_id)
        path = self.store()
        sealed = self.for_secret(path, b'x')
        self.assertEqual(204, self.put_sealed(path, sealed).status_int)
