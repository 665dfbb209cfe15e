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
from secretstore.tests.unit.api.base import ApiTest
from secretstore.tests.unit.api.sealing import KEYS
from secretstore.tests.unit.api.test_secret_stores import (
    OTHER as OTHER_STRATEGY,
)

BASE = 'http://localhost'
# What lists call an entry of theirs, where they tell of entries.
LISTS = {
    'secrets': 'secret_ref',
    'containers': 'container_ref',
    'orders': 'order_ref',
    'transport_keys': None,
    'secret-stores': 'secret_store_ref',
}


class AnythingTest(ApiTest):
    """Whatever is asked, the answer is no 500 and says what is wrong."""

    routes: ClassVar[Sequence[Route]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.routes = [
            *routes.public_routes(cls.conf),
            *routes.routes(cls.conf, cls.conductor),
        ]

    def world(self) -> anything.World:
        """What there is at the moment, and what there is not."""
        found = {}
        for kind, entry in LISTS.items():
            answer = self.get(f'/v1/{kind}')
            if answer.status_int != 200:
                continue
            listed = answer.json[kind.replace('-', '_')]
            refs = [one[entry] if entry else one for one in listed]
            found[kind] = [ref.rsplit('/', 1)[1] for ref in refs]
            found[kind].append(str(uuid.uuid4()))
        return {**found, 'project-quotas': [self.project]}

    @settings(
        deadline=None,
        max_examples=1500,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def test_every_route(self, data: st.DataObject) -> None:
        if not hasattr(self, 'known'):
            self.known = self._begun()
        asked = data.draw(anything.requests(self.routes, self.known, BASE))
        answer = self.call(
            asked.method, asked.url, asked.body, dict(asked.headers)
        )
        self.check(answer, asked.method != 'HEAD')

    def _begun(self) -> anything.World:
        for _ in range(3):
            self.store_text()
        for name in ('containers', 'orders'):
            self.post({'type': 'generic'}, f'/v1/{name}')
        return self.world()

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

    def _begun(self) -> anything.World:
        answer = self.post({'plugin_name': 'p', 'transport_key': 'AAEC'}, KEYS)
        self.assertEqual(201, answer.status_int, answer.text)
        world = super()._begun()
        for kind in ('transport_keys', 'secret-stores'):
            self.assertEqual(3, len(world[kind]))
        return world
