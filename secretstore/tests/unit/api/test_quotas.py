# SPDX-License-Identifier: Apache-2.0
import io
import json
from typing import Any, ClassVar
import urllib.parse

import webob

from secretstore.tests.unit.api.base import ApiTest

ALL = '/v1/project-quotas'
NONE = 'Project quotas not found.'
REACHED = (
    'Secret creation issue seen - Creation not allowed because a quota has '
    'been reached.'
)
WRONG = "Provided object does not match schema 'Project Quota': "


class QuotasTest(ApiTest):
    overrides: ClassVar[dict[str, Any]] = {'quotas__quota_orders': 9}

    def setUp(self) -> None:
        super().setUp()
        self.headers['X-Roles'] = 'admin,member,reader'
        self.path = f'{ALL}/{self.project}'

    def set(self, **limits: Any) -> webob.Response:
        return self.put_body(json.dumps({'project_quotas': limits}))

    def put_body(self, body: str) -> webob.Response:
        return self.put(self.path, body, 'application/json')

    def limits(self) -> dict[str, Any]:
        answer = self.get(self.path)
        self.assertEqual(200, answer.status_int)
        self.assertEqual(['project_quotas'], [*answer.json])
        found: dict[str, Any] = answer.json['project_quotas']
        return found

    def test_a_body_of_unknown_length(self) -> None:
        # A server that takes chunks apart tells no length.
        request = webob.Request.blank(
            self.path,
            method='PUT',
            headers=self.headers | {'Content-Type': 'application/json'},
        )
        request.environ['wsgi.input'] = io.BytesIO(
            b'{"project_quotas": {"secrets": 3}}'
        )
        request.environ['wsgi.input_terminated'] = True
        answer = request.get_response(self.app)
        self.assertEqual(204, answer.status_int, answer.text)
        self.assertEqual(3, self.limits()['secrets'])

    def test_effective(self) -> None:
        default = {
            'secrets': -1,
            'orders': 9,
            'containers': -1,
            'consumers': -1,
            'cas': -1,
        }
        answer = self.get('/v1/quotas')
        self.assertEqual(200, answer.status_int)
        self.assertEqual({'quotas': default}, answer.json)
        self.set(secrets=3, orders=-1)
        self.assertEqual(
            {'quotas': {**default, 'secrets': 3, 'orders': -1}},
            self.get('/v1/quotas').json,
        )

    def test_set_and_delete(self) -> None:
        for method in ('GET', 'DELETE'):
            self.assert_error(404, NONE, self.call(method, self.path))
        answer = self.set(secrets=1, cas=-4)
        self.assertEqual((204, b''), (answer.status_int, answer.body))
        self.set(containers=2.0)
        self.assertEqual(
            {
                'secrets': 1,
                'orders': None,
                'containers': 2,
                'consumers': None,
                'cas': -4,
            },
            self.limits(),
        )
        self.assertNotIn('2.0', self.get(self.path).text)
        answer = self.call('DELETE', self.path)
        self.assertEqual((204, b''), (answer.status_int, answer.body))
        self.assert_error(404, NONE, self.get(self.path))

    def test_one_too_many(self) -> None:
        self.set(secrets=1)
        path = self.store()
        self.assert_error(403, REACHED, self.post({}))
        self.call('DELETE', path)
        self.store_text()
        self.assert_error(403, REACHED, self.post({}))

    def test_what_makes_no_sense(self) -> None:
        for body, words in (
            ('{}', "'project_quotas' is a required property. Invalid"),
            ('[]', "it is not of type 'object'. Invalid"),
            ('{"project_quotas": {"secrets": "1"}}', "'1' is not of type"),
            ('{"project_quotas": {"secrets": null}}', 'None is not of type'),
            ('{"project_quotas": {"secrets": true}}', 'True is not of type'),
            ('{"project_quotas": {"secrets": 1.5}}', '1.5 is not of type'),
            ('{"project_quotas": {"keys": 1}}', 'Additional properties are'),
            ('{"project_quotas": {}, "a": 1}', 'Additional properties are'),
            ('{"project_quotas": {"cas": 2147483648}}', '2147483648 is great'),
            ('{"project_quotas": {"cas": -2147483649}}', '-2147483649 is les'),
            ('{"project_quotas": {"cas": 1e99}}', '1e+99 is greater than'),
        ):
            with self.subTest(body):
                answer = self.put_body(body)
                self.assertEqual(400, answer.status_int)
                told = answer.json['description']
                self.assertTrue(told.startswith(WRONG + words), told)
        self.assert_error(400, 'Malformed JSON', self.put_body('{'))
        self.assert_error(
            400,
            'Project Quotas issue seen - No data supplied to process..',
            self.put_body(''),
        )
        self.assertEqual(415, self.put(self.path, '{}', 'a/b').status_int)
        self.assertEqual(415, self.put(self.path, '', 'a/b').status_int)
        self.assert_error(404, NONE, self.get(self.path))

    def test_the_greatest_numbers(self) -> None:
        self.set(secrets=2**31 - 1, orders=-(2**31))
        self.assertEqual(2**31 - 1, self.limits()['secrets'])
        self.assertEqual(-(2**31), self.limits()['orders'])
        self.store()

    def test_what_is_no_project(self) -> None:
        for name in ('x' * 256, '%00', '%FF', 'a%0Ab', '%ED%A0%80'):
            self.path = f'{ALL}/{name}'
            with self.subTest(name):
                self.assert_error(404, NONE, self.get(self.path))
                self.assert_error(404, NONE, self.set(secrets=1))
                self.assert_error(404, NONE, self.call('DELETE', self.path))

    def test_names_of_projects(self) -> None:
        for name in ('x' * 255, 'é', 'a b', 'a.json'):
            self.path = f'{ALL}/{urllib.parse.quote(name)}'
            self.assertEqual(204, self.set(secrets=7).status_int)
            self.assertEqual(7, self.limits()['secrets'])
            listed = self.get(f'{ALL}?limit=100').json['project_quotas']
            self.assertIn(name, [one['project_id'] for one in listed])
            self.call('DELETE', self.path)

    def test_pages(self) -> None:
        for name in 'abc':
            self.path = f'{ALL}/{name}'
            self.set(secrets=ord(name))
            self.addCleanup(self.call, 'DELETE', self.path)
        total = self.get(ALL).json['total']
        url: str | None = f'{ALL}?limit=2&colour=red'
        seen = {}
        while url:
            answer = self.get(url.removeprefix('http://localhost')).json
            self.assertEqual(total, answer['total'])
            for one in answer['project_quotas']:
                seen[one['project_id']] = one['project_quotas']['secrets']
            self.assertIn('colour=red', url)
            url = answer.get('next')
        self.assertEqual(total, len(seen))
        self.assertEqual([97, 98, 99], [seen[name] for name in 'abc'])

    def test_who_may(self) -> None:
        self.headers['X-Roles'] = 'member,reader'
        self.assertEqual(200, self.get('/v1/quotas').status_int)
        words = (
            'Project Quotas attempt not allowed - please review your '
            'user/project privileges'
        )
        self.assert_error(403, words, self.get(ALL))
        self.assert_error(403, words, self.get(self.path))
        self.assert_error(403, words, self.set(secrets=1))
        self.assert_error(403, words, self.call('DELETE', self.path))

    def test_accept_and_methods(self) -> None:
        for path in ('/v1/quotas', ALL, self.path):
            answer = self.get(path, Accept='text/plain')
            self.assertEqual(406, answer.status_int)
        for method, path, allowed in (
            ('PUT', '/v1/quotas', 'GET'),
            ('DELETE', ALL, 'GET'),
            ('POST', self.path, 'DELETE, GET, PUT'),
        ):
            answer = self.call(method, path)
            self.assertEqual(405, answer.status_int)
            self.assertEqual(allowed, answer.headers['Allow'])
