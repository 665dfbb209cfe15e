# SPDX-License-Identifier: Apache-2.0
import json

from secretstore.tests.unit.api.base import JSON, ApiTest
from secretstore.tests.unit.api.test_content import BINARY, PKCS8, TEXT


class PayloadGetTest(ApiTest):
    def test_payload_and_its_deprecated_form(self) -> None:
        path = self.store_text('ä')
        for url in (path, path + '/payload'):
            with self.subTest(url):
                answer = self.get(url, Accept='text/plain')
                self.assertEqual(200, answer.status_int)
                self.assertEqual(TEXT, answer.headers['Content-Type'])
                self.assertEqual('2', answer.headers['Content-Length'])
                self.assertEqual('ä'.encode(), answer.body)

    def test_what_cannot_be_had(self) -> None:
        path = self.store_text()
        for url, operation in (
            (path, 'Secret retrieval'),
            (path + '/payload', 'Secret payload retrieval'),
        ):
            self.assert_error(
                406,
                f'{operation} issue seen - Wrong payload content-type.',
                self.get(url, Accept='text/html'),
            )

    def test_no_payload_is_told_before_the_type(self) -> None:
        path = self.store()
        for accept in ('*/*', 'text/plain', 'text/html'):
            self.assert_error(
                404,
                'Not Found. Sorry but your secret has no payload.',
                self.get(path + '/payload', Accept=accept),
            )

    def test_json_only(self) -> None:
        path = self.store(name='n')
        for method, url, body in (
            ('GET', '/', ''),
            ('GET', '/v1', ''),
            ('GET', '/v1/secrets', ''),
            ('POST', '/v1/secrets', '{}'),
            ('GET', path + '/metadata', ''),
            ('GET', path + '/metadata/k', ''),
            ('PUT', path + '/metadata', '{"metadata": {}}'),
            ('POST', path + '/metadata', '{"key": "k", "value": "v"}'),
            ('PUT', path + '/metadata/k', '{"key": "k", "value": "v"}'),
        ):
            for accept in ('text/html', 'text/plain', 'application/xml'):
                with self.subTest(f'{method} {url} {accept}'):
                    answer = self.call(
                        method, url, body, JSON | {'Accept': accept}
                    )
                    self.assertEqual(406, answer.status_int)
            accept = 'text/html;q=0.9, application/json;q=0.1'
            answer = self.call(method, url, body, JSON | {'Accept': accept})
            self.assertNotEqual(406, answer.status_int)

    def test_delete_and_put_do_not_look_at_accept(self) -> None:
        path = self.store()
        answer = self.put(path, 'x', 'text/plain', Accept='text/html')
        self.assertEqual(204, answer.status_int)
        answer = self.call('DELETE', path, headers={'Accept': 'text/html'})
        self.assertEqual(204, answer.status_int)


class PutPayloadTest(ApiTest):
    def test_once(self) -> None:
        path = self.store()
        before = self.get(path).json
        answer = self.put(path, ' a\n', 'text/plain')
        self.assertEqual((204, b''), (answer.status_int, answer.body))
        self.assertEqual('0', answer.headers['Content-Length'])
        self.assertNotIn('Content-Type', answer.headers)
        after = self.get(path).json
        self.assertEqual({'default': 'text/plain'}, after['content_types'])
        self.assertGreater(after['updated'], before['updated'])
        self.assertEqual(after['created'], before['created'])
        self.assertEqual(b' a\n', self.get(path + '/payload').body)
        self.assert_error(
            409,
            'Secret already has data, cannot modify it.',
            self.put(path, 'b', 'text/plain'),
        )

    def test_types(self) -> None:
        for written, kept in (
            ('text/plain; charset=latin-1', 'text/plain'),
            ('TEXT/PLAIN', 'text/plain'),
            ('application/octet-stream; x=y', BINARY),
        ):
            path = self.store()
            answer = self.put(path, b'\xff', written)
            self.assertEqual(204, answer.status_int)
            types = self.get(path).json['content_types']
            self.assertEqual({'default': kept}, types)
            self.assertEqual(b'\xff', self.get(path + '/payload').body)
        path = self.store()
        for bad in ('', 'application/json', PKCS8, 'text/html'):
            with self.subTest(bad):
                self.assert_error(
                    415,
                    'Unexpected content type. Expected content types are: '
                    "['application/octet-stream', 'text/plain']",
                    self.put(path, 'x', bad),
                )

    def test_encodings(self) -> None:
        for content_type, encoding, body, kept in (
            (BINARY, 'base64', b'AAEC', b'\0\1\2'),
            (BINARY, 'BASE64', b'AAEC', b'\0\1\2'),
            (BINARY, 'base64', b'AA\nEC\n', b'\0\1\2'),
            (BINARY, '', b'AAEC', b'AAEC'),
            ('text/plain', 'base64', b'AAEC', b'AAEC'),
            ('text/plain', 'gzip', b'AAEC', b'AAEC'),
        ):
            with self.subTest(f'{content_type} {encoding}'):
                path = self.store()
                answer = self.call(
                    'PUT',
                    path,
                    body,
                    {
                        'Content-Type': content_type,
                        'Content-Encoding': encoding,
                    },
                )
                self.assertEqual(204, answer.status_int)
                self.assertEqual(kept, self.get(path + '/payload').body)

    def test_bad_encodings(self) -> None:
        path = self.store()
        for encoding, body in (
            ('gzip', b'AAEC'),
            ('binary', b'AAEC'),
            ('base64, gzip', b'AAEC'),
            ('base64', b'AAE'),
            ('base64', b'!!!!'),
            ('base64', b' '),
        ):
            with self.subTest(f'{encoding} {body!r}'):
                headers = {
                    'Content-Type': BINARY,
                    'Content-Encoding': encoding,
                }
                answer = self.call('PUT', path, body, headers)
                self.assertEqual(400, answer.status_int)
                self.assertTrue(
                    answer.json['description'].startswith(
                        'Secret update issue seen - '
                    )
                )

    def test_sizes(self) -> None:
        path = self.store()
        self.assert_error(
            400,
            'Secret update issue seen - No data supplied to process..',
            self.put(path, b'', 'text/plain'),
        )
        self.assert_error(
            413,
            'Secret update issue seen - Provided information too large to '
            'process.',
            self.put(path, b'x' * 20001, 'text/plain'),
        )
        answer = self.put(path, b'x' * 20000, 'text/plain')
        self.assertEqual(204, answer.status_int)

    def test_sizes_of_post(self) -> None:
        self.store_text('x' * 20000)
        answer = self.post(
            {'payload': 'x' * 20001, 'payload_content_type': 'text/plain'}
        )
        self.assert_error(
            413, 'Provided information too large to process', answer
        )

    def test_unicode_through_the_whole_service(self) -> None:
        for payload in ('ä', '\U0001f600', 'a\0b', ' \n '):
            path = self.store_text(payload, name='\U0001f600')
            self.assertEqual(
                payload.encode(), self.get(path + '/payload').body
            )
            self.assertEqual('\U0001f600', self.get(path).json['name'])
            listed = json.loads(self.get('/v1/secrets').body)
            self.assertEqual('\U0001f600', listed['secrets'][0]['name'])
