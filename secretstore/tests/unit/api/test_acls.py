# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import webob

from secretstore.tests.unit.api.base import JSON, ApiTest

DEFAULT = {'read': {'project-access': True}}


class AclsTest(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.store() + '/acl'

    def change(self, method: str, data: Any) -> webob.Response:
        return self.call(method, self.path, json.dumps(data), JSON)

    def assert_acl(self, users: list[str], project_access: bool) -> None:
        read = self.get(self.path).json['read']
        self.assertEqual(
            ['project-access', 'users', 'created', 'updated'], [*read]
        )
        self.assertEqual(
            (users, project_access), (read['users'], read['project-access'])
        )
        for name in ('created', 'updated'):
            self.assertRegex(read[name], r'^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}$')

    def test_none(self) -> None:
        answer = self.get(self.path)
        self.assertEqual((200, DEFAULT), (answer.status_int, answer.json))

    def test_replace_and_update(self) -> None:
        for method, read, users, access in (
            ('PUT', {'users': ['b', ' a ', 'b']}, ['a', 'b'], True),
            ('PATCH', {'project-access': False}, ['a', 'b'], False),
            ('PATCH', {'users': []}, [], False),
            ('PATCH', {}, [], False),
            ('PUT', {'users': ['c']}, ['c'], True),
        ):
            answer = self.change(method, {'read': read})
            self.assertEqual(200, answer.status_int, answer.text)
            self.assertEqual(
                {'acl_ref': 'http://localhost' + self.path}, answer.json
            )
            self.assert_acl(users, access)

    def test_replace_by_nothing(self) -> None:
        for nothing in ({}, {'read': {}}):
            self.change('PUT', {'read': {'users': ['a']}})
            self.assertEqual(200, self.change('PUT', nothing).status_int)
            self.assertEqual(DEFAULT, self.get(self.path).json)

    def test_delete(self) -> None:
        """Clients expect 200 and may read the body."""
        self.change('PUT', {'read': {'users': ['a']}})
        for _ in range(2):
            answer = self.call('DELETE', self.path)
            self.assertEqual(200, answer.status_int)
            self.assertEqual(b'null', answer.body)
            self.assertEqual('application/json', answer.content_type)
        self.assertEqual(DEFAULT, self.get(self.path).json)

    def test_what_is_refused(self) -> None:
        self.change('PUT', {'read': {'users': ['a']}})
        for method in ('PUT', 'PATCH'):
            for data in (
                None,
                [],
                'read',
                1,
                {'write': {}},
                {'read': None},
                {'read': []},
                {'read': {'operation': 'read'}},
                {'read': {'users': None}},
                {'read': {'users': 'a'}},
                {'read': {'users': {'a': 'b'}}},
                {'read': {'users': [1]}},
                {'read': {'users': ['a', None]}},
                {'read': {'users': ['a', 'x' * 256]}},
                {'read': {'users': ['a\0']}},
                {'read': {'users': ['\ud800']}},
                {'read': {'project-access': None}},
                {'read': {'project-access': 'true'}},
                {'read': {'project-access': 0}},
            ):
                with self.subTest(f'{method} {data!r}'):
                    answer = self.change(method, data)
                    self.assertEqual(400, answer.status_int, answer.text)
                    self.assertIn(
                        "does not match schema 'ACL'",
                        answer.json['description'],
                    )
        self.assert_acl(['a'], True)

    def test_many_users(self) -> None:
        users = [f'{number:032}' for number in range(650)]
        answer = self.change('PUT', {'read': {'users': users[::-1]}})
        self.assertEqual(200, answer.status_int, answer.text)
        self.assert_acl(users, True)

    def test_bodies(self) -> None:
        for method in ('PUT', 'PATCH'):
            answer = self.call(method, self.path, '{', JSON)
            self.assert_error(400, 'Malformed JSON', answer)
            answer = self.call(
                method, self.path, '{}', {'Content-Type': 'text/plain'}
            )
            self.assertEqual(415, answer.status_int)

    def test_paths_and_methods(self) -> None:
        unknown = '6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'
        body = json.dumps(DEFAULT)
        for kind, missing in (
            ('secret', 'Secret not found.'),
            ('container', 'Secrets container not found.'),
        ):
            bad = f'Not Found. Provided {kind} id is invalid.'
            for method in ('GET', 'PUT', 'PATCH', 'DELETE'):
                for object_id, words in ((unknown, missing), ('x', bad)):
                    path = f'/v1/{kind}s/{object_id}/acl'
                    answer = self.call(method, path, body, JSON)
                    self.assert_error(404, words, answer)
        answer = self.call('POST', self.path, body, JSON)
        self.assertEqual(405, answer.status_int)
        self.assertEqual('DELETE, GET, PATCH, PUT', answer.headers['Allow'])
        self.assertEqual(404, self.get(self.path + '/read').status_int)
        self.assertEqual(
            406, self.get(self.path, Accept='text/html').status_int
        )
