# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
import json
from typing import ClassVar
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import webob

from secretstore.api.keymanager import routes
from secretstore.api.routing import Route
from secretstore.tests.unit.api import anything
from secretstore.tests.unit.api.base import ApiTest

BASE = 'http://localhost'
LISTS = ('secrets', 'containers', 'orders')


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
        for kind in LISTS:
            answer = self.get(f'/v1/{kind}')
            if answer.status_int != 200:
                continue
            entry = {'secrets': 'secret', 'orders': 'order'}.get(
                kind, 'container'
            )
            refs = [one[f'{entry}_ref'] for one in answer.json[kind]]
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
