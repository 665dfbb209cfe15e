# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import webob

from secretstore.tests.unit.api.base import JSON, ApiTest

NO_KEY = 'Secret metadata not found.'
TOO_LONG = 'x' * 256


class SecretMetadataTest(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.store() + '/metadata'

    def put_all(self, metadata: Any) -> webob.Response:
        return self.put(self.path, json.dumps({'metadata': metadata}), **_JSON)

    def put_one(self, url_key: str, key: Any, value: Any) -> webob.Response:
        body = json.dumps({'key': key, 'value': value})
        return self.put(f'{self.path}/{url_key}', body, **_JSON)

    def add(self, key: Any, value: Any, **more: Any) -> webob.Response:
        return self.post({'key': key, 'value': value} | more, self.path)

    def all(self) -> dict[str, str]:
        answer = self.get(self.path)
        self.assertEqual(200, answer.status_int)
        found: dict[str, str] = answer.json['metadata']
        return found

    def test_replace_all(self) -> None:
        answer = self.put_all({'Desc': ' a ', 'b': 'c', 'a_-9': ''})
        self.assertEqual(201, answer.status_int)
        self.assertEqual(
            {'metadata_ref': 'http://localhost' + self.path}, answer.json
        )
        self.assertEqual({'a_-9': '', 'b': 'c', 'desc': 'a'}, self.all())
        self.put_all({'x': 'y'})
        self.assertEqual({'x': 'y'}, self.all())
        self.put_all({})
        self.assertEqual({}, self.all())

    def test_of_keys_that_differ_in_case_the_last_counts(self) -> None:
        self.put_all({'a': '1', 'A': '2'})
        self.assertEqual({'a': '2'}, self.all())

    def test_what_cannot_replace(self) -> None:
        self.put_all({'k': 'v'})
        strings = 'Invalid Metadata. Keys and Values must be Strings.'
        url_safe = 'Invalid Key. Key must be URL safe.'
        for metadata, description in (
            ({'n': 1}, strings),
            ({'n': None}, strings),
            ({'n': ['a']}, strings),
            ({'a b': 'x'}, url_safe),
            ({'a/b': 'x'}, url_safe),
            ({'a.b': 'x'}, url_safe),
            ({'é': 'x'}, url_safe),
            ({'k\n': 'x'}, url_safe),
        ):
            with self.subTest(repr(metadata)):
                self.assert_error(400, description, self.put_all(metadata))
        for metadata in (
            [],
            None,
            'x',
            {TOO_LONG: 'x'},
            {'n': 'a\0'},
            {'n': '\ud800'},
        ):
            with self.subTest(repr(metadata)):
                answer = self.put_all(metadata)
                self.assertEqual(400, answer.status_int, answer.text)
                self.assertIn(
                    "does not match schema 'SecretMetadata'",
                    answer.json['description'],
                )
        self.assertEqual({'k': 'v'}, self.all())

    def test_the_longest_key(self) -> None:
        key = 'k' * 255
        self.assertEqual(201, self.put_all({key: 'v'}).status_int)
        self.assertEqual(200, self.get(f'{self.path}/{key}').status_int)
        self.assert_error(404, NO_KEY, self.get(f'{self.path}/{TOO_LONG}'))

    def test_other_bodies(self) -> None:
        for body, reason in (
            (
                '{}',
                "'metadata' is a required property. Invalid property: "
                "'metadata'",
            ),
            ('[]', "it is not of type 'object'. Invalid property: 'None'"),
            ('null', "it is not of type 'object'. Invalid property: 'None'"),
        ):
            self.assert_error(
                400,
                "Provided object does not match schema 'SecretMetadata': "
                + reason,
                self.put(self.path, body, **_JSON),
            )
        for method, path in (
            ('PUT', self.path),
            ('POST', self.path),
            ('PUT', self.path + '/k'),
        ):
            answer = self.call(method, path, '{', JSON)
            self.assert_error(400, 'Malformed JSON', answer)
            answer = self.call(
                method, path, '{}', {'Content-Type': 'text/plain'}
            )
            self.assertEqual(415, answer.status_int)

    def test_add(self) -> None:
        answer = self.add(' Kx ', ' v ')
        self.assertEqual(201, answer.status_int)
        self.assertEqual({'key': 'kx', 'value': 'v'}, answer.json)
        location = f'http://localhost{self.path}/kx'
        self.assertEqual(location, answer.headers['Location'])
        self.assertEqual(answer.json, self.get(location).json)
        for again in ('kx', 'KX'):
            self.assert_error(
                409,
                'Conflict. Key in request is already in the secret metadata',
                self.add(again, 'w'),
            )
        self.assertEqual({'kx': 'v'}, self.all())

    def test_what_cannot_be_added(self) -> None:
        for key, value, more in (
            (1, 'v', {}),
            ('k', 1, {}),
            ('k', None, {}),
            (TOO_LONG, 'v', {}),
            ('k', TOO_LONG, {}),
            ('k', 'v', {'extra': 1}),
            ('a b', 'v', {}),
            ('k', '\0', {}),
        ):
            answer = self.add(key, value, **more)
            self.assertEqual(400, answer.status_int, answer.text)
        answer = self.post({'key': 'n'}, self.path)
        self.assert_error(
            400,
            "Provided object does not match schema 'SecretMetadatum': "
            "'value' is a required property. Invalid property: 'value'",
            answer,
        )
        self.assertEqual({}, self.all())

    def test_update(self) -> None:
        self.add('k', 'v')
        answer = self.put_one('k', 'K', ' w ')
        self.assertEqual(200, answer.status_int)
        self.assertEqual({'key': 'k', 'value': 'w'}, answer.json)
        self.assertEqual({'k': 'w'}, self.all())
        # A body is checked before a key is looked for.
        self.assertEqual(400, self.put_one('nope', 'k', 1).status_int)
        self.assert_error(404, NO_KEY, self.put_one('nope', 'nope', 'w'))
        self.assert_error(404, NO_KEY, self.put_one('nope', 'k', 'w'))
        answer = self.put_one('k', 'other', 'w')
        self.assertEqual(409, answer.status_int)
        self.assertTrue(
            answer.json['description'].startswith(
                'Key in request data does not match key in the '
            )
        )

    def test_keys_in_the_url_are_as_they_are_stored(self) -> None:
        self.add('Desc', 'v')
        self.assertEqual(200, self.get(self.path + '/desc').status_int)
        for key in ('Desc', 'nope', 'a%20b', 'a.b', '%00', '%ff'):
            with self.subTest(key):
                answer = self.get(f'{self.path}/{key}')
                self.assert_error(404, NO_KEY, answer)

    def test_delete(self) -> None:
        self.add('k', 'v')
        for _ in range(2):
            answer = self.call('DELETE', self.path + '/k')
            self.assertEqual(204, answer.status_int)
            self.assertEqual('0', answer.headers['Content-Length'])
        self.assertEqual({}, self.all())

    def test_of_a_secret_that_is_gone(self) -> None:
        secret = self.path.rsplit('/', 1)[0]
        self.add('k', 'v')
        self.call('DELETE', secret)
        for answer in (
            self.get(self.path),
            self.get(self.path + '/k'),
            self.put_all({}),
            self.add('k', 'v'),
            self.put_one('k', 'k', 'v'),
            self.call('DELETE', self.path + '/k'),
        ):
            self.assert_error(404, 'Secret not found.', answer)

    def test_the_secret_is_not_updated_by_it(self) -> None:
        secret = self.path.rsplit('/', 1)[0]
        before = self.get(secret).json
        self.put_all({'k': 'v'})
        self.assertEqual(before, self.get(secret).json)


_JSON = {'content_type': 'application/json'}
