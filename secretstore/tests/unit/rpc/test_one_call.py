# SPDX-License-Identifier: Apache-2.0
"""A request to the API is one call of a conductor, not more."""

from collections.abc import Iterator
import contextlib
from typing import ClassVar

from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.tests.unit.api.base import ApiTest
from secretstore.tests.unit.rpc.base import Memory

ORDER = {
    'type': 'key',
    'meta': {'algorithm': 'aes', 'bit_length': 256, 'name': None},
}


class OneCallTest(ApiTest):
    transport: ClassVar[Memory]

    @classmethod
    def reached(cls, conductor: Conductor) -> Conductor:
        cls.transport = Memory(Dispatcher(conductor).handle)
        return Client(cls.transport).conductor()

    @contextlib.contextmanager
    def one_call(self, what: str) -> Iterator[None]:
        before = len(self.transport.sent)
        yield
        self.assertEqual(1, len(self.transport.sent) - before, what)

    def asked(
        self, status: int, method: str, path: str, body: object = b''
    ) -> str:
        """Where the new object is, if one was made."""
        with self.one_call(f'{method} {path}'):
            if isinstance(body, dict):
                answer = self.post(body, path)
            elif method == 'PUT':
                answer = self.put(path, body, 'text/plain')  # type: ignore[arg-type]
            else:
                answer = self.call(method, path)
        self.assertEqual(status, answer.status_int, answer.text)
        made = answer.text if status in (201, 202) else ''
        return '/v1/' + made.rpartition('/v1/')[2].partition('"')[0]

    def test_secrets(self) -> None:
        two_steps = self.asked(201, 'POST', '/v1/secrets', {'name': 'n'})
        self.asked(204, 'PUT', two_steps, b'payload')
        self.asked(409, 'PUT', two_steps, b'payload')
        full = {'payload': 'x', 'payload_content_type': 'text/plain'}
        secret = self.asked(201, 'POST', '/v1/secrets', full)
        for path in (
            secret,
            f'{secret}/payload',
            f'{secret}/metadata',
            f'{secret}/acl',
            f'{secret}/consumers',
            '/v1/secrets',
            '/v1/secrets?limit=1&sort=created:desc',
        ):
            self.asked(200, 'GET', path)
        self.asked(204, 'DELETE', secret)
        self.asked(404, 'GET', secret)

    def test_containers_and_orders(self) -> None:
        new = {'type': 'generic', 'name': 'c', 'secret_refs': []}
        container = self.asked(201, 'POST', '/v1/containers', new)
        consumer = {'name': 'n', 'URL': 'http://u'}
        order = self.asked(202, 'POST', '/v1/orders', ORDER)
        self.asked(200, 'POST', f'{container}/consumers', consumer)
        for path in (
            container,
            f'{container}/consumers',
            '/v1/containers',
            order,
            '/v1/orders',
            '/v1/quotas',
        ):
            self.asked(200, 'GET', path)
        self.asked(204, 'DELETE', order)
        self.asked(204, 'DELETE', container)

    def test_health(self) -> None:
        self.asked(200, 'GET', '/healthcheck')
