# SPDX-License-Identifier: Apache-2.0
"""What only this service answers about containers, and where it stands.

The rest is in gabbits/containers*.yaml.
"""

import json
from typing import Any
import urllib.parse

import webob

from secretstore.tests.unit.api.base import JSON, ApiTest

CONTAINERS = '/v1/containers'
BASE = 'http://localhost/v1/secrets/'
UNKNOWN = '6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'
NOT_SUPPORTED = 'Provided field value is not supported'


class ContainersBase(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.secret = self.store().rpartition('/')[2]

    def ref(self, secret_id: str | None = None, **fields: Any) -> Any:
        return {'secret_ref': BASE + (secret_id or self.secret), **fields}

    def create(self, *refs: Any, **fields: Any) -> webob.Response:
        new = {'type': 'generic', 'secret_refs': refs} | fields
        return self.post(new, CONTAINERS)

    def made(self, *refs: Any, **fields: Any) -> str:
        """The path of a new container."""
        answer = self.create(*refs, **fields)
        self.assertEqual(201, answer.status_int, answer.text)
        ref: str = answer.json['container_ref']
        self.assertEqual(ref, answer.headers['Location'])
        return urllib.parse.urlsplit(ref).path

    def refs_in(self, path: str) -> list[dict[str, str]]:
        answer = self.get(path)
        self.assertEqual(200, answer.status_int, answer.text)
        refs: list[dict[str, str]] = answer.json['secret_refs']
        return refs

    def add(self, path: str, data: Any) -> webob.Response:
        return self.post(data, f'{path}/secrets')

    def remove(
        self, path: str, data: Any, headers: dict[str, str] = JSON
    ) -> webob.Response:
        return self.call(
            'DELETE', f'{path}/secrets', json.dumps(data), headers
        )


class ContainersTest(ContainersBase):
    def test_what_is_told(self) -> None:
        path = self.made(self.ref(name='a'), name=' n ')
        data = self.get(path).json
        created = data['created']
        self.assertRegex(created, r'^\d{4}-\d\d-\d\dT[0-9:]{8}\.\d{6}$')
        expected = {
            'created': created,
            'updated': created,
            'status': 'ACTIVE',
            'name': 'n',
            'type': 'generic',
            'creator_id': data['creator_id'],
            'secret_refs': [{'name': 'a', 'secret_ref': BASE + self.secret}],
            'consumers': [],
            'container_ref': f'http://localhost{path}',
        }
        self.assertEqual([*expected.items()], [*data.items()])
        listed = self.get(CONTAINERS).json
        self.assertEqual({'containers': [data], 'total': 1}, listed)

    def test_no_name_in_three_forms(self) -> None:
        others = [self.store().rpartition('/')[2] for _ in range(2)]
        path = self.made(self.ref(), self.ref(others[0], name=None))
        answer = self.add(path, self.ref(others[1], name=' '))
        self.assertEqual(201, answer.status_int, answer.text)
        names = [ref['name'] for ref in self.refs_in(path)]
        self.assertEqual([None] * 3, names)
        answer = self.add(path, self.ref(name=''))
        self.assertEqual(409, answer.status_int, answer.text)

    def test_bodies_that_are_refused(self) -> None:
        for new, reason in (
            ([], 'it is not of type'),
            ({}, "'type' is a required property"),
            ({'type': 'dsa'}, "'dsa' is not one of"),
            ({'type': None}, 'None is not of type'),
            ({'name': 7, 'type': 'rsa'}, '7 is not of type'),
            ({'type': 'rsa', 'secret_refs': None}, 'None is not of type'),
            ({'type': 'rsa', 'secret_refs': ['x']}, "'x' is not of type"),
            ({'type': 'generic', 'name': 'a\0'}, 'NUL and unpaired'),
            ({'type': 'generic', 'name': '\ud800'}, 'NUL and unpaired'),
        ):
            with self.subTest(repr(new)):
                answer = self.post(new, CONTAINERS)
                self.assertEqual(400, answer.status_int)
                self.assertIn(
                    f"schema 'Container': {reason}",
                    answer.json['description'],
                )
        answer = self.create(self.ref(name='a\0'))
        self.assertEqual(400, answer.status_int)
        self.assertEqual(0, self.get(CONTAINERS).json['total'])

    def test_what_exists_nowhere(self) -> None:
        path = self.made(self.ref(name='x'))
        for wrong in (UNKNOWN, 'x', 'é', 'a\0', '\ud800', 'x' * 9000):
            with self.subTest(ascii(wrong)):
                ref = self.ref(wrong, name='x')
                self.assert_error(
                    404,
                    "Secret provided for 'x' doesn't exist.",
                    self.create(ref),
                )
                self.assert_error(
                    404,
                    "Secret provided doesn't exist.",
                    self.add(path, ref),
                )
                self.assert_error(
                    404,
                    'Secret provided is not in the container',
                    self.remove(path, ref),
                )

    def test_the_id_is_what_counts(self) -> None:
        path = self.made(self.ref(self.secret + '/', name='a'))
        refs = [BASE + self.secret, f'{BASE}{self.secret}/']
        # Barbican looks at the host only of what a container is made with.
        refs += [f'http://other.example.org/{self.secret}', self.secret]
        for number, ref in enumerate(refs):
            with self.subTest(ref):
                member = {'name': str(number), 'secret_ref': ref}
                answer = self.add(path, member)
                self.assertEqual(201, answer.status_int, answer.text)
                location = answer.headers['Location']
                self.assertEqual(f'http://localhost{path}', location)
                self.assertEqual({'container_ref': location}, answer.json)
                self.assertEqual(409, self.add(path, member).status_int)
                answer = self.remove(path, member)
                self.assertEqual(204, answer.status_int, answer.text)
                self.assertEqual(b'', answer.body)

    def test_taking_out_needs_no_particular_accept(self) -> None:
        path, member = self.made(self.ref(name='a')), self.ref(name='a')
        headers = JSON | {'Accept': 'text/plain'}
        self.assertEqual(204, self.remove(path, member, headers).status_int)
        answer = self.call(
            'POST', f'{path}/secrets', json.dumps(member), headers
        )
        self.assertEqual(406, answer.status_int)
        answer = self.remove(path, member, {'Content-Type': 'text/plain'})
        self.assertEqual(415, answer.status_int)

    def test_ids_that_are_none(self) -> None:
        words = 'Not Found. Provided container id is invalid.'
        member = self.ref(name='a')
        for wrong in ('x', UNKNOWN.upper(), '0' * 32):
            path = f'{CONTAINERS}/{wrong}'
            for answer in (
                self.get(path),
                self.call('DELETE', path),
                self.add(path, member),
                self.remove(path, member),
            ):
                self.assert_error(404, words, answer)
        below = f'{self.made()}/secrets/{self.secret}'
        self.assertEqual(404, self.call('DELETE', below).status_int)

    def test_methods(self) -> None:
        path = self.made()
        for method, where, allowed in (
            ('PUT', CONTAINERS, 'GET, POST'),
            ('POST', path, 'DELETE, GET'),
            ('GET', f'{path}/secrets', 'DELETE, POST'),
        ):
            answer = self.call(method, where)
            self.assertEqual(405, answer.status_int)
            self.assertEqual(allowed, answer.headers['Allow'])

    def test_a_walk_keeps_the_filters(self) -> None:
        for number in range(5):
            self.made(name='a' if number % 2 == 0 else 'b')
        page = self.get(f'{CONTAINERS}?limit=2&name=a&type=generic').json
        self.assertEqual(['containers', 'next', 'total'], [*page])
        self.assertEqual((2, 3), (len(page['containers']), page['total']))
        following = urllib.parse.urlsplit(page['next'])
        self.assertEqual(CONTAINERS, following.path)
        page = self.get(f'{CONTAINERS}?{following.query}').json
        self.assertEqual(['containers', 'previous', 'total'], [*page])
        self.assertEqual(['a'], [one['name'] for one in page['containers']])


class OwnHostTest(ContainersBase):
    """A container is made with references to this service only."""

    def accepts(self, ref: str, environ: dict[str, Any], **more: str) -> bool:
        new = {'type': 'generic', 'secret_refs': [{'secret_ref': ref}]}
        answer = self.call(
            'POST', CONTAINERS, json.dumps(new), JSON | more, environ
        )
        if answer.status_int != 201:
            self.assert_error(400, NOT_SUPPORTED, answer)
        return bool(answer.status_int == 201)

    def test_as_the_request_names_it(self) -> None:
        last = f'v1/secrets/{self.secret}'
        mounted = {'SCRIPT_NAME': '/key-manager'}
        for ref, environ, good in (
            (f'http://localhost/{last}', {}, True),
            (f'http://localhost/key-manager/{last}', mounted, True),
            (f'http://localhost/{last}', mounted, False),
            (f'https://localhost/{last}', {}, True),
            (f'ftp://localhost/{last}', {}, False),
            (f'http://localhost.example.org/{last}', {}, False),
            (f'http://localhost:9311/{last}', {}, False),
            (f'/{last}', {}, False),
            (self.secret, {}, False),
        ):
            with self.subTest(ref):
                self.assertEqual(good, self.accepts(ref, environ))
        ref = f'http://keys.example.org:99/{last}'
        self.assertTrue(self.accepts(ref, {}, Host='keys.example.org:99'))


class ConfiguredHostTest(OwnHostTest):
    overrides = {'host_href': 'https://keys.example.org/manager/'}

    def test_as_the_request_names_it(self) -> None:
        last = f'v1/secrets/{self.secret}'
        for base, good in (
            ('https://keys.example.org/manager', True),
            ('http://keys.example.org/manager', True),
            ('https://keys.example.org', False),
            ('http://localhost', False),
        ):
            with self.subTest(base):
                self.assertEqual(good, self.accepts(f'{base}/{last}', {}))


class ForwardedHostTest(OwnHostTest):
    configuration = '[oslo_middleware]\nenable_proxy_headers_parsing = true\n'

    def test_as_the_request_names_it(self) -> None:
        forwarded = {
            'X-Forwarded-Proto': 'https',
            'X-Forwarded-Host': 'keys.example.org',
            'X-Forwarded-Prefix': '/key-manager',
        }
        last = f'v1/secrets/{self.secret}'
        good = f'https://keys.example.org/key-manager/{last}'
        self.assertTrue(self.accepts(good, {}, **forwarded))
        self.assertFalse(self.accepts(good, {}))
        bad = f'http://localhost/{last}'
        self.assertFalse(self.accepts(bad, {}, **forwarded))
