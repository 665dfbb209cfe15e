# SPDX-License-Identifier: Apache-2.0
"""What only this service answers about consumers, and what has no request.

The rest is in gabbits/consumers-*.yaml.
"""

import json
from typing import Any, ClassVar
from urllib import parse

import webob

from secretstore.tests.unit.api.base import JSON, ApiTest

ONE = {'service': 'nova', 'resource_type': 'servers', 'resource_id': 'one'}
ADMIN = {'X-Roles': 'admin,member'}
V1_2 = {'OpenStack-API-Version': 'key-manager 1.2'}


class SecretConsumersTest(ApiTest):
    """Of secrets; a subclass asks the same of those of containers."""

    one: ClassVar = ONE
    longest: ClassVar = dict.fromkeys(ONE, 'é' * 255)
    words = 'Secret Consumer'

    def setUp(self) -> None:
        super().setUp()
        self.parent = self.make()
        self.path = f'{self.parent}/consumers'

    def make(self) -> str:
        return self.store()

    def named(self, number: int) -> dict[str, str]:
        return self.one | {'resource_id': str(number)}

    def add(self, **fields: Any) -> webob.Response:
        return self.post(self.one | fields, self.path)

    def remove(self, **fields: Any) -> webob.Response:
        return self.call(
            'DELETE', self.path, json.dumps(self.one | fields), JSON
        )

    def test_location(self) -> None:
        """Barbican names one that does not exist."""
        locations = set()
        for number in (1, 2, 1):
            answer = self.post(self.named(number), self.path)
            self.assertEqual(200, answer.status_int, answer.text)
            location = answer.headers['Location']
            self.assertRegex(
                location, f'^http://localhost{self.path}/[0-9a-f-]{{36}}$'
            )
            found = self.call('GET', location, headers=ADMIN)
            self.assertEqual(200, found.status_int, found.text)
            self.assertEqual(
                ['created', 'updated', 'status', *self.one], [*found.json]
            )
            self.assertLessEqual(
                self.named(number).items(), found.json.items()
            )
            locations.add(location)
        self.assertEqual(2, len(locations))

    def test_pages(self) -> None:
        for number in range(5):
            self.post(self.named(number), self.path)
        found = []
        path = f'{self.path}?limit=2&limit=2&other=x'
        for pages in (1, 2, 3):
            page = self.get(path).json
            self.assertEqual(5, page['total'])
            found += page['consumers']
            self.assertEqual(pages < 3, 'next' in page)
            self.assertEqual(pages > 1, 'previous' in page)
            path = page.get('next', '')
            self.assertNotIn('other', parse.parse_qs(path))
        for number in range(5):
            self.assertLessEqual(
                self.named(number).items(), found[number].items()
            )

    def test_what_is_refused(self) -> None:
        name, *_ = self.one
        for fields in (
            {name: 'x' * 256},
            {name: ''},
            {name: ' \n'},
            {name: None},
            {name: 1},
            {name: 'a\0b'},
            {name: '\ud800'},
        ):
            for call in (self.add, self.remove):
                answer = call(**fields)
                self.assertEqual(400, answer.status_int, answer.text)
                self.assertIn(
                    f"does not match schema '{self.words}'",
                    answer.json['description'],
                )
        self.assertEqual(0, self.get(self.path).json['total'])

    def test_bodies(self) -> None:
        for method in ('POST', 'DELETE'):
            answer = self.call(method, self.path, '{', JSON)
            self.assert_error(400, 'Malformed JSON', answer)
            answer = self.call(
                method, self.path, '{"a": "' + 'x' * 26000, JSON
            )
            self.assert_error(400, 'Malformed JSON', answer)
            answer = self.call(method, self.path, json.dumps(ONE))
            self.assertEqual(415, answer.status_int)
            answer = self.call(method, self.path, '[]', JSON)
            self.assertIn('not of type', answer.json['description'])

    def test_the_longest(self) -> None:
        answer = self.add(**self.longest)
        self.assertEqual(200, answer.status_int, answer.text)
        self.assertEqual([self.longest], answer.json['consumers'])
        answer = self.remove(**self.longest)
        self.assertEqual([], answer.json['consumers'])

    def test_blanks_and_case(self) -> None:
        name, *_ = self.one
        self.add()
        self.add(**{name: f'\t{self.one[name]} '})
        self.assertEqual(1, self.get(self.path).json['total'])
        self.add(**{name: self.one[name].upper()})
        self.assertEqual(2, self.get(self.path).json['total'])


class ContainerConsumersTest(SecretConsumersTest):
    one: ClassVar = {'name': 'lbaas', 'URL': 'https://example.org/'}
    longest: ClassVar = {'name': 'é' * 36, 'URL': 'é' * 255}
    words = 'Consumer'

    def make(self) -> str:
        answer = self.post({'type': 'generic'}, '/v1/containers')
        self.assertEqual(201, answer.status_int, answer.text)
        ref: str = answer.json['container_ref']
        return ref.removeprefix('http://localhost')

    def named(self, number: int) -> dict[str, str]:
        return self.one | {'URL': str(number)}


class DeleteTest(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.secret = self.store()
        self.post(ONE, f'{self.secret}/consumers')

    def delete(self, query: str = '', **headers: str) -> int:
        answer = self.call(
            'DELETE', self.secret + query, headers=V1_2 | headers
        )
        return int(answer.status_int)

    def test_without_force(self) -> None:
        for query in ('', '?force=0', '?force=true&force=off', '?force=NO'):
            self.assertEqual(400, self.delete(query), query)
        self.assertEqual(200, self.get(self.secret).status_int)

    def test_with_force(self) -> None:
        self.assertEqual(400, self.delete('?force='))
        self.assertEqual(204, self.delete('?force=False&force=1'))
        self.assertEqual(404, self.delete())

    def test_before_1_2(self) -> None:
        version = {'OpenStack-API-Version': 'key-manager 1.1'}
        self.assertEqual(204, self.delete(**version))
