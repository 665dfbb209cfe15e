# SPDX-License-Identifier: Apache-2.0
import base64
import uuid

from secretstore.tests.unit.api.sealing import (
    ADMIN,
    BINARY,
    KEYS,
    REFUSED,
    TEXT,
    UNKNOWN,
    SealingTest,
)


class PutTest(SealingTest):
    def test_two_steps(self) -> None:
        answer = self.post({'name': 'x', 'transport_key_needed': 'true'})
        self.assertEqual(201, answer.status_int)
        self.assertEqual(
            self.key_id, answer.json['transport_key_ref'].rsplit('/', 1)[1]
        )
        path = '/v1' + answer.json['secret_ref'].partition('/v1')[2]
        self.assertEqual(answer.json['secret_ref'], answer.headers['Location'])
        sealed = self.for_secret(path, 'pässword'.encode())
        self.assertEqual(204, self.put_sealed(path, sealed).status_int)
        self.assert_payload(path, 'pässword'.encode(), TEXT)

    def test_bytes(self) -> None:
        for encoding in (None, 'base64'):
            for kind in (TEXT, BINARY):
                path = self.store()
                body = self.for_secret(path, bytes(1000))
                more = {}
                if encoding:
                    body = base64.b64encode(body)
                    more = {'Content-Encoding': encoding}
                answer = self.put_sealed(path, body, kind, **more)
                self.assertEqual(204, answer.status_int, answer.text)
                self.assert_payload(path, bytes(1000), kind)

    def test_a_key_to_a_secret_that_exists(self) -> None:
        path = self.store()
        answer = self.get(f'{path}?transport_key_needed=true')
        self.assertEqual(
            self.key_id, answer.json['transport_key_ref'].rsplit('/', 1)[1]
        )
        self.assertNotIn('transport_key_ref', self.get(path).json)

    def test_refused(self) -> None:
        """And nothing is stored."""
        path, other = self.store(), self.store()
        sealed = self.for_secret(path, b'payload')
        for body in (
            sealed[:-1] + bytes([sealed[-1] ^ 1]),
            sealed[:1000],
            b'payload',
            self.for_secret(other, b'payload'),
            base64.b64decode(self.for_project(b'payload')),
        ):
            self.assert_error(
                400,
                f'Secret update issue seen - {REFUSED}.',
                self.put_sealed(path, body),
            )
        self.assert_error(
            400,
            'Secret update issue seen - Sealed payload is empty.',
            self.put_sealed(path, self.for_secret(path, b'')),
        )
        for (size,) in ((1001,), (5000,)):
            answer = self.put_sealed(path, self.for_secret(path, bytes(size)))
            self.assertEqual(413, answer.status_int)
        self.assert_nothing(path)

    def test_not_sealed_as_it_says(self) -> None:
        """Another key's id, or nobody's."""
        path = self.store()
        body = self.for_secret(path, b'payload')
        foreign = self.call(
            'POST',
            KEYS,
            '{"plugin_name": "p", "transport_key": "k"}',
            {'Content-Type': 'application/json', **ADMIN},
        ).json['transport_key_ref']
        for key_id in (
            foreign.rsplit('/', 1)[1],
            str(uuid.uuid4()),
            '%C3',
            '',
        ):
            answer = self.put(f'{path}?transport_key_id={key_id}', body, TEXT)
            self.assertEqual(400, answer.status_int, key_id)
        self.assert_nothing(path)

    def test_once(self) -> None:
        path = self.store_text()
        answer = self.put_sealed(path, self.for_secret(path, b'x'))
        self.assertEqual(409, answer.status_int)
        other = {'X-Project-Id': 'other'}
        answer = self.call(
            'PUT',
            f'{path}?transport_key_id=x',
            b'',
            {'Content-Type': TEXT, **other},
        )
        self.assertEqual(403, answer.status_int)


class PostTest(SealingTest):
    def body(self, payload: bytes, kind: str = TEXT) -> dict[str, str]:
        body = {
            'payload': self.for_project(payload),
            'payload_content_type': kind,
            'transport_key_id': self.key_id,
        }
        if kind == BINARY:
            body['payload_content_encoding'] = 'base64'
        return body

    def test_one_step(self) -> None:
        for kind in (TEXT, BINARY):
            for payload in (b'text', bytes(1000)):
                path = self.store(**self.body(payload, kind))
                self.assert_payload(path, payload, kind)

    def test_refused(self) -> None:
        """What another project sealed is not opened for this one."""
        body = self.body(b'payload')
        self.headers['X-Project-Id'] = uuid.uuid4().hex
        refused = f'Secret creation issue seen - {REFUSED}.'
        self.assert_error(400, refused, self.post(body))
        self.assertEqual(413, self.post(self.body(bytes(1001))).status_int)
        self.assert_error(
            400,
            f'Secret creation issue seen - {UNKNOWN}.',
            self.post(body | {'transport_key_id': str(uuid.uuid4())}),
        )
        answer = self.post(self.body(b'x') | {'payload': 'not base64'})
        self.assertEqual(400, answer.status_int)
        self.assertEqual(0, self.get('/v1/secrets').json['total'])

    def test_key_and_payload_at_once(self) -> None:
        """Who sends a payload needs no key for it."""
        answer = self.post(
            {
                'payload': 'plain',
                'payload_content_type': TEXT,
                'transport_key_needed': 'true',
            }
        )
        self.assertEqual(201, answer.status_int)
        self.assertEqual(['secret_ref'], [*answer.json])
