# SPDX-License-Identifier: Apache-2.0
"""A client that seals payloads."""

import base64
from typing import Any, ClassVar

from secretstore.crypto import transport
from secretstore.tests.unit.api.base import ApiTest
from secretstore.tests.unit.crypto.test_transport import seal

KEYS = '/v1/transport_keys'
TEXT = 'text/plain'
BINARY = 'application/octet-stream'
UNKNOWN = 'Provided transport key was not found.'
REFUSED = 'Sealed payload cannot be opened'
ADMIN = {'X-Roles': 'admin,member,reader'}


class SealingTest(ApiTest):
    overrides: ClassVar[dict[str, Any]] = {
        'transport_keys__enabled': True,
        'max_allowed_secret_in_bytes': 1000,
    }

    def setUp(self) -> None:
        super().setUp()
        (ref,) = self.get(f'{KEYS}?plugin_name={transport.SUITE}').json[
            'transport_keys'
        ]
        self.key_id = ref.rsplit('/', 1)[1]
        self.key = self.get(f'{KEYS}/{self.key_id}').json

    def sealed(self, payload: bytes, info: bytes) -> bytes:
        return seal(self.key['transport_key'], payload, info)

    def for_secret(self, path: str, payload: bytes) -> bytes:
        return self.sealed(
            payload, transport.info_of_secret(path.rsplit('/', 1)[1])
        )

    def for_project(self, payload: bytes) -> str:
        info = transport.info_of_project(self.project)
        return base64.b64encode(self.sealed(payload, info)).decode()

    def put_sealed(
        self, path: str, body: bytes, content_type: str = TEXT, **more: str
    ) -> Any:
        url = f'{path}?transport_key_id={self.key_id}'
        return self.put(url, body, content_type, **more)

    def assert_payload(self, path: str, payload: bytes, kind: str) -> None:
        answer = self.get(f'{path}/payload')
        self.assertEqual(payload, answer.body)
        self.assertEqual(kind, answer.content_type)

    def assert_nothing(self, path: str) -> None:
        self.assertNotIn('content_types', self.get(path).json)
