# SPDX-License-Identifier: Apache-2.0
import io
import json
import unittest

import webob

from secretstore import errors
from secretstore.api.keymanager import bodies
from secretstore.tests.unit.api.base import JSON, ApiTest

SCHEMA = bodies.Schema(
    'Thing',
    {
        'type': 'object',
        'properties': {'size': {'type': 'integer', 'minimum': 1}},
        'additionalProperties': False,
    },
)


def request(
    body: bytes, content_type: str = 'application/json'
) -> webob.Request:
    return webob.Request.blank(
        '/', method='POST', body=body, headers={'Content-Type': content_type}
    )


class _Broken(io.RawIOBase):
    """What a server gives when the client is gone."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError('connection reset')


class ReadJsonTest(unittest.TestCase):
    def refused(self, body: bytes) -> None:
        with self.assertRaises(errors.InvalidInput) as caught:
            bodies.read_json(request(body), 25000)
        self.assertEqual('Malformed JSON', str(caught.exception))

    def test_what_is_not_json(self) -> None:
        for body in (b'', b' ', b'{', b'{"a": }', b"{'a': 1}", b'{} {}'):
            with self.subTest(body):
                self.refused(body)

    def test_other_encodings_than_utf8(self) -> None:
        for body in (
            b'{"name": "\xff"}',
            b'\xef\xbb\xbf{}',
            '{"name": "a"}'.encode('utf-16'),
            '{"name": "a"}'.encode('utf-32-le'),
            b'{"name": "\xed\xa0\x80"}',
        ):
            with self.subTest(body):
                self.refused(body)

    def test_nesting_without_end(self) -> None:
        for depth in (bodies.MAX_DEPTH, 200, 600, 5000, 12000):
            for opening, closing in (('[', ']'), ('{"a":', '}')):
                text = opening * depth + '1' + closing * depth
                with self.subTest(f'{depth} {opening}'):
                    self.refused(text.encode()[:60000])

    def test_nesting_that_is_read(self) -> None:
        data = json.loads('[' * (bodies.MAX_DEPTH - 1) + '1' + ']' * 15)
        body = json.dumps(data).encode()
        self.assertEqual(data, bodies.read_json(request(body), 25000))

    def test_numbers_without_end(self) -> None:
        self.refused(b'{"bit_length": ' + b'1' * 5000 + b'}')

    def test_limit_in_bytes(self) -> None:
        body = b'"' + 'é'.encode() * 10 + b'"'
        self.assertEqual('é' * 10, bodies.read_json(request(body), 22))
        with self.assertRaises(errors.InvalidInput):
            bodies.read_json(request(body), 21)

    def test_content_types(self) -> None:
        for good in (
            'application/json',
            'application/json; charset=latin-1',
            'Application/JSON',
        ):
            with self.subTest(good):
                self.assertEqual({}, bodies.read_json(request(b'{}', good), 9))
        for bad in ('', 'text/plain', 'application/jsonx', 'json'):
            with (
                self.subTest(bad),
                self.assertRaises(errors.UnsupportedMediaType) as caught,
            ):
                bodies.read_json(request(b'{}', bad), 9)
            self.assertEqual(
                'Unexpected content type. Expected content types are: '
                "['application/json']",
                str(caught.exception),
            )

    def test_a_client_that_went_away(self) -> None:
        broken = request(b'')
        broken.environ['wsgi.input'] = io.BufferedReader(_Broken())
        broken.environ['CONTENT_LENGTH'] = '10'
        with self.assertRaises(errors.InvalidInput):
            bodies.read_json(broken, 25000)


class SchemaTest(unittest.TestCase):
    def message(self, data: object) -> str:
        with self.assertRaises(errors.InvalidObject) as caught:
            SCHEMA.validate(data)
        return str(caught.exception)

    def test_says_what_is_wrong(self) -> None:
        self.assertEqual(
            "Provided object does not match schema 'Thing': 'x' is not of "
            "type 'integer'. Invalid property: 'size'",
            self.message({'size': 'x'}),
        )
        self.assertEqual(
            "Provided object does not match schema 'Thing': it is not of "
            "type 'object'. Invalid property: 'None'",
            self.message(None),
        )
        self.assertIn("('x' was unexpected)", self.message({'x': 1}))

    def test_what_databases_do_not_store(self) -> None:
        SCHEMA.check_text('size', 'ä\n\U0001f600')
        for text in ('a\0', '\ud800', 'x\udfff'):
            with self.subTest(ascii(text)):
                self.assertRaises(
                    errors.InvalidObject, SCHEMA.check_text, 'size', text
                )


class StrippedTest(unittest.TestCase):
    def test_every_string_but_the_kept(self) -> None:
        data = {'a': ' x ', 'b': [' y\n', {'c': '\tz'}], 'k': ' k ', 'n': 1}
        self.assertEqual(
            {'a': 'x', 'b': ['y', {'c': 'z'}], 'k': ' k ', 'n': 1},
            bodies.stripped(data, keep=frozenset(['k'])),
        )


class OversizeTest(ApiTest):
    def test_a_body_over_the_limit_is_malformed(self) -> None:
        body = '{"name": "a"}' + ' ' * 25000
        answer = self.call('POST', '/v1/secrets', body, JSON)
        self.assert_error(400, 'Malformed JSON', answer)

    def test_deep_nesting_in_every_resource(self) -> None:
        path = self.store()
        deep = '{"metadata": ' * 900 + '1' + '}' * 900
        for method, url in (
            ('POST', '/v1/secrets'),
            ('PUT', path + '/metadata'),
            ('POST', path + '/metadata'),
            ('PUT', path + '/metadata/k'),
        ):
            with self.subTest(url):
                answer = self.call(method, url, deep, JSON)
                self.assert_error(400, 'Malformed JSON', answer)
