# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
import json
from typing import Any, ClassVar
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import webob

from secretstore.api.keymanager import routes
from secretstore.api.routing import Route
from secretstore.tests.unit.api import anything
from secretstore.tests.unit.api.base import JSON, ApiTest
from secretstore.tests.unit.api.sealing import KEYS
from secretstore.tests.unit.api.test_secret_stores import (
    OTHER as OTHER_STRATEGY,
)

BASE = 'http://localhost'
UNLIMITED = dict.fromkeys(('secrets', 'orders', 'containers', 'consumers'), -1)
# How requests name what there is while they are drawn: the real ids are in
# their place once they are made.
WORLD: anything.World = {
    'secrets': ['secrets-0', 'secrets-1', 'unknown'],
    'containers': ['containers-0', 'unknown'],
    'consumers': ['consumers-0', 'consumers-1', 'unknown'],
    'orders': ['orders-0', 'unknown'],
    'transport_keys': ['transport_keys-0', 'unknown'],
    'secret-stores': ['secret-stores-0', 'unknown'],
    'project-quotas': ['project-quotas-0'],
    'metadata': ['k', 'unknown'],
}


class AnythingTest(ApiTest):
    """Whatever is asked, the answer is no 500 and says what is wrong."""

    routes: ClassVar[Sequence[Route]]
    # Below these nothing is found unless it is enabled.
    nowhere: ClassVar[tuple[str, ...]] = (
        '/v1/secret-stores',
        '/v1/transport_keys/{id}',
    )

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.routes = [
            *routes.public_routes(cls.conf),
            *routes.routes(cls.conf, cls.conductor),
        ]

    def setUp(self) -> None:
        super().setUp()
        self.number = 0
        self.done: set[tuple[str, str]] = set()

    def reachable(self) -> list[Route]:
        return [
            route
            for route in self.routes
            if not route.path.startswith(self.nowhere)
        ]

    def test_what_is_right(self) -> None:
        """It is done: whatever there may be to ask for, there is."""
        for route in self.reachable():
            with self.subTest(f'{route.method} {route.path}'):
                self.begin()
                answer = self.ask(anything.right(route, WORLD, BASE))
                self.assertLess(answer.status_int, 400, answer.text)

    def test_anything(self) -> None:
        self.ask_anything()
        # It was not all about what there is not.
        share = len(self.done) / len(self.reachable())
        self.assertGreater(share, 0.7, self.done)

    @settings(
        deadline=None,
        max_examples=1500,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def ask_anything(self, data: st.DataObject) -> None:
        # Requests delete, too.
        if self.number % 6 == 0:
            self.begin()
        self.number += 1
        asked = data.draw(anything.requests(self.routes, WORLD, BASE))
        answer = self.ask(asked)
        self.check(answer, asked.method != 'HEAD')
        if answer.status_int < 400:
            self.done.add((asked.method, asked.route))

    def ask(self, asked: anything.Asked) -> webob.Response:
        url, body = asked.url, asked.body
        for name, real in self.world.items():
            url = url.replace(name, real)
            body = body.replace(name.encode(), real.encode())
        return self.call(asked.method, url, body, dict(asked.headers))

    def begin(self) -> None:
        """A new project with one or two of each."""
        self.project = self.headers['X-Project-Id'] = uuid.uuid4().hex
        secret, empty = self.store_text(), self.store()
        for path, body in (
            (f'{secret}/metadata', {'metadata': {'k': 'v'}}),
            (f'{secret}/acl', {'read': {'users': ['u']}}),
            (
                f'/v1/project-quotas/{self.project}',
                {'project_quotas': UNLIMITED},
            ),
        ):
            answer = self.call('PUT', path, json.dumps(body), JSON)
            self.assertLess(answer.status_int, 300, answer.text)
        member = {'name': 'b', 'secret_ref': BASE + secret}
        new = {'type': 'generic', 'secret_refs': [member]}
        container = self.made(new, '/v1/containers')
        key = {'type': 'key', 'meta': anything.KEY}
        self.world = {
            'secrets-0': _last(secret),
            'secrets-1': _last(empty),
            'containers-0': container,
            'consumers-0': self.made(anything.CONSUMER, f'{secret}/consumers'),
            'consumers-1': self.made(
                anything.CONTAINER_CONSUMER,
                f'/v1/containers/{container}/consumers',
            ),
            'orders-0': self.made(key, '/v1/orders'),
            'project-quotas-0': self.project,
            'unknown': str(uuid.uuid4()),
        }

    def made(self, new: Any, path: str) -> str:
        """The id of something new."""
        answer = self.post(new, path)
        self.assertLess(answer.status_int, 300, answer.text)
        return _last(answer.headers['Location'])

    def check(self, answer: webob.Response, has_body: bool) -> None:
        self.assertLess(answer.status_int, 500, answer.text)
        self.assertIn('X-Openstack-Request-Id', answer.headers)
        if answer.status_int >= 400 and has_body:
            self.assertEqual('application/json', answer.content_type)
            body = json.loads(answer.body)
            self.assertEqual(answer.status_int, body['code'])
            self.assertNotIn('Traceback', body['description'])


class EverythingEnabledTest(AnythingTest):
    """With what is off by default: transport keys and a second store."""

    overrides: ClassVar[dict[str, Any]] = {
        'transport_keys__enabled': True,
        'enabled_security_strategies': [OTHER_STRATEGY],
    }
    nowhere = ()

    def begin(self) -> None:
        super().begin()
        key = self.made({'plugin_name': 'p', 'transport_key': 'AAEC'}, KEYS)
        stores = self.get('/v1/secret-stores').json['secret_stores']
        store = _last(stores[0]['secret_store_ref'])
        answer = self.call('POST', f'/v1/secret-stores/{store}/preferred')
        self.assertEqual(204, answer.status_int, answer.text)
        self.world |= {'transport_keys-0': key, 'secret-stores-0': store}


def _last(ref: str) -> str:
    return ref.rsplit('/', 1)[1]
