# SPDX-License-Identifier: Apache-2.0
"""Each line of the URL table is one call of a conductor, not more."""

import json
from typing import Any, ClassVar
import uuid

from secretstore.api.keymanager import routes as keymanager
from secretstore.api.routing import Route
from secretstore.api.workflow import routes as workflow
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.tests.unit.api.base import JSON, ApiTest
from secretstore.tests.unit.api.test_secret_stores import OTHER
from secretstore.tests.unit.rpc.base import Memory
from secretstore.tests.unit.rpc.test_one_call import ORDER

SECRETS, CONTAINERS = '/v1/secrets', '/v1/containers'
STORES, TRANSPORT_KEYS = '/v1/secret-stores', '/v1/transport_keys'
BACKUPS, USERS = '/workflow/v1/backups', '/workflow/v1/replication-users'
MASTER_KEYS = '/workflow/v1/master-keys'
PROJECT_QUOTAS = '/v1/project-quotas'
ACL = {'read': {'users': ['u'], 'project-access': True}}
PAIR = {'key': 'k', 'value': 'v'}
SECRET = {'name': 's', 'payload': 'x', 'payload_content_type': 'text/plain'}
SECRET_CONSUMER = {
    'service': 's',
    'resource_type': 't',
    'resource_id': str(uuid.uuid4()),
}
CONSUMER = {'name': 'n', 'URL': 'http://u'}
KEY = {'plugin_name': 'other', 'transport_key': 'a key'}
# What has a body; those who write anything else add it here.
BODIES: dict[str, Any] = {
    f'POST {SECRETS}': SECRET,
    f'PUT {SECRETS}/{{id}}/metadata': {'metadata': {'k': 'w'}},
    f'POST {SECRETS}/{{id}}/metadata': {'key': 'other', 'value': 'v'},
    f'PUT {SECRETS}/{{id}}/metadata/{{key}}': PAIR,
    f'POST {CONTAINERS}': {'type': 'generic', 'secret_refs': []},
    'POST /v1/orders': ORDER,
    f'PUT {PROJECT_QUOTAS}/{{project_id}}': {'project_quotas': {'secrets': 9}},
    f'POST {TRANSPORT_KEYS}': KEY,
    f'POST {MASTER_KEYS}/rotate': {},
    f'POST {MASTER_KEYS}/migrate': {'to': OTHER},
    f'POST {MASTER_KEYS}/{{id}}/retire': {},
    **{
        f'{method} {path}/{{id}}/acl': ACL
        for method in ('PUT', 'PATCH')
        for path in (SECRETS, CONTAINERS)
    },
    **{
        f'{method} {path}/{{id}}/consumers': consumer
        for method in ('POST', 'DELETE')
        for path, consumer in (
            (SECRETS, SECRET_CONSUMER),
            (CONTAINERS, CONSUMER),
        )
    },
}
# Those that have no body although they write.
EMPTY = {
    f'POST {STORES}/{{id}}/preferred',
    'POST /workflow/v1/project-keys/{id}/rotate',
    f'PUT {BACKUPS}/{{id}}/encryption-key',
    f'PUT {USERS}/{{id}}/key',
}
# Which keys there are to retire is not the matter here.
REFUSED = {f'POST {MASTER_KEYS}/{{id}}/retire': 404}


class EveryRouteTest(ApiTest):
    transport: ClassVar[Memory]
    overrides: ClassVar[dict[str, Any]] = {
        'enabled_security_strategies': [OTHER, 'proprietary']
    }

    @classmethod
    def reached(cls, conductor: Conductor) -> Conductor:
        cls.transport = Memory(Dispatcher(conductor).handle)
        return Client(cls.transport).conductor()

    def test_one_call(self) -> None:
        table = [
            *keymanager.routes(self.conf, self.conductor),
            *workflow.routes(self.conf, self.conductor),
        ]
        for route in table:
            with self.subTest(f'{route.method} {route.path}'):
                if route.path != '/v1':
                    self.assert_one_call(route)

    def assert_one_call(self, route: Route) -> None:
        self.project = uuid.uuid4().hex
        self.headers = {
            'X-Project-Id': self.project,
            'X-Roles': 'admin,member,reader',
        }
        path, body, headers = self.prepared(route)
        before = len(self.transport.sent)
        answer = self.call(route.method, path, body, headers)
        self.assertEqual(1, len(self.transport.sent) - before, answer.text)
        name = f'{route.method} {route.path}'
        if name in REFUSED:
            self.assertEqual(REFUSED[name], answer.status_int)
        else:
            self.assertLess(answer.status_int, 400, answer.text)

    def prepared(self, route: Route) -> tuple[str, bytes, dict[str, str]]:
        """A request to this route, and all that it takes to be answered."""
        name = f'{route.method} {route.path}'
        ids = self.made(route.path)
        path = route.path
        for parameter, value in ids.items():
            path = path.replace(f'{{{parameter}}}', value)
        if name == f'PUT {SECRETS}/{{id}}':
            path = self.store(name='two steps')
            return path, b'payload', {'Content-Type': 'text/plain'}
        if name.endswith(f'{CONTAINERS}/{{id}}/secrets'):
            secret = {'name': 'kept', 'secret_ref': ids['secret']}
            if route.method == 'DELETE':
                self.post(secret, path)
            return path, json.dumps(secret).encode(), JSON
        if name in BODIES:
            return path, json.dumps(BODIES[name]).encode(), JSON
        self.assertTrue(route.method in ('GET', 'DELETE') or name in EMPTY)
        return path, b'', {}

    def made(self, path: str) -> dict[str, str]:
        """What the parameters of a path stand for, which is there."""
        ids = {'key': 'k', 'project_id': self.project, 'id': self.project}
        if path.startswith((f'{SECRETS}/', f'{CONTAINERS}/')):
            self.make_object(path, ids)
        elif path.startswith('/v1/orders/'):
            ids['id'] = last(self.post(ORDER, '/v1/orders').json['order_ref'])
        elif path.startswith(f'{PROJECT_QUOTAS}/'):
            self.put_json(
                f'{PROJECT_QUOTAS}/{self.project}',
                {'project_quotas': {'secrets': 5}},
            )
        elif path.startswith(f'{STORES}'):
            store = self.get(STORES).json['secret_stores'][0]
            ids['id'] = last(store['secret_store_ref'])
            self.call('POST', f'{STORES}/{ids["id"]}/preferred')
        elif path.startswith(f'{TRANSPORT_KEYS}/'):
            made = self.post(KEY, TRANSPORT_KEYS)
            ids['id'] = last(made.json['transport_key_ref'])
        elif path.startswith((BACKUPS, USERS)):
            ids['id'] = str(uuid.uuid4())
            self.call('PUT', path.replace('{id}', ids['id']))
        elif path.startswith(f'{MASTER_KEYS}/{{id}}'):
            ids['id'] = str(uuid.uuid4())
        else:
            self.store_text()
        return ids

    def make_object(self, path: str, ids: dict[str, str]) -> None:
        """A secret or a container, with all that such a thing may have."""
        secret = self.store_text()
        ids['secret'] = secret
        if path.startswith(SECRETS):
            made, consumer = secret, SECRET_CONSUMER
            self.put_json(f'{made}/metadata', {'metadata': {'k': 'v'}})
        else:
            new = {'type': 'generic', 'secret_refs': []}
            ref = self.post(new, CONTAINERS).json['container_ref']
            made, consumer = f'{CONTAINERS}/{last(ref)}', CONSUMER
        self.post(consumer, f'{made}/consumers')
        with self.database.reading() as connection:
            table = 'secret' if made == secret else 'container'
            ids['consumer_id'] = connection.exec_driver_sql(
                f'SELECT id FROM {table}_consumers '  # noqa: S608
                f"WHERE {table}_id = '{last(made)}'"
            ).scalar_one()
        self.put_json(f'{made}/acl', ACL)
        ids['id'] = last(made)

    def put_json(self, path: str, body: Any) -> None:
        answer = self.call('PUT', path, json.dumps(body), JSON)
        self.assertLess(answer.status_int, 400, answer.text)


def last(ref: str) -> str:
    return ref.rpartition('/')[2]
