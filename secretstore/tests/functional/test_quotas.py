# SPDX-License-Identifier: Apache-2.0
"""Many clients at once do not come past a quota: uWSGI, two processes."""

from concurrent import futures
import threading
import typing

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, web

ADMIN = clients.noauth('operators', 'admin,member,reader')
AT_ONCE = 32
LIMIT = 7
AES: typing.Final = {'algorithm': 'aes', 'bit_length': 256, 'mode': 'cbc'}


class TestRaces(base.FunctionalTest):
    """One service per database, and in it a project for each race."""

    server: own.SecretStore

    def _all(self, kind: str) -> None:
        with own.SecretStore(self.new_database(kind)) as self.server:
            for race in (
                self._secrets,
                self._containers,
                self._orders,
                self._what_orders_make,
                self._consumers,
            ):
                with self.subTest(race.__name__):
                    race()

    def test_mariadb(self) -> None:
        self._all('mariadb')

    def test_postgresql(self) -> None:
        self._all('postgresql')

    def test_sqlite(self) -> None:
        self._all('sqlite')

    def set(self, project: str, **limits: int) -> None:
        answer = web.call(
            'PUT',
            f'{self.server.url}/v1/project-quotas/{project}',
            {'project_quotas': limits},
            ADMIN,
        )
        self.assertEqual(204, answer.status, answer.body)

    def together(
        self,
        project: str,
        requests: typing.Sequence[tuple[str, str, object]],
    ) -> list[web.Answer]:
        """What requests sent all at once were answered."""
        start = threading.Barrier(len(requests))
        headers = {
            **clients.noauth(project),
            'OpenStack-API-Version': 'key-manager 1.2',
        }

        def send(request: tuple[str, str, object]) -> web.Answer:
            method, url, body = request
            start.wait()
            return web.call(method, url, body, headers)

        with futures.ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))

    def race(
        self,
        project: str,
        done: int,
        requests: typing.Sequence[tuple[str, str, object]],
        room: int = LIMIT,
    ) -> list[str]:
        """The references of what was made; all else was refused."""
        answers = self.together(project, requests)
        statuses = sorted(answer.status for answer in answers)
        refused = [403] * (len(requests) - room)
        self.assertEqual([done] * room + refused, statuses)
        for answer in answers:
            if answer.status == 403:
                words = answer.json()['description']
                self.assertIn('because a quota has been reached', words)
        return [
            next(url for name, url in answer.json().items() if 'ref' in name)
            for answer in answers
            if answer.status in (201, 202)
        ]

    def creations(self, kind: str) -> list[tuple[str, str, object]]:
        body: dict[str, object] = {
            'secrets': {'payload': 'x', 'payload_content_type': 'text/plain'},
            'containers': {'type': 'generic', 'name': 'x'},
            'orders': {'type': 'key', 'meta': AES},
        }
        url = f'{self.server.url}/v1/{kind}'
        return [('POST', url, body[kind])] * AT_ONCE

    def total(self, project: str, kind: str) -> int:
        answer = web.call(
            'GET',
            f'{self.server.url}/v1/{kind}',
            headers=clients.noauth(project),
        )
        return int(answer.json()['total'])

    def _secrets(self) -> None:
        self.set('s', secrets=LIMIT)
        made = self.race('s', 201, self.creations('secrets'))
        self.assertEqual(LIMIT, self.total('s', 'secrets'))
        # Room that is made is found once.
        gone: list[tuple[str, str, object]] = [
            ('DELETE', url, None) for url in made[:3] for _ in range(4)
        ]
        statuses = {answer.status for answer in self.together('s', gone)}
        self.assertLessEqual(statuses, {204, 404})
        self.race('s', 201, self.creations('secrets'), room=3)
        self.assertEqual(LIMIT, self.total('s', 'secrets'))

    def _containers(self) -> None:
        self.set('c', containers=LIMIT)
        self.race('c', 201, self.creations('containers'))
        self.assertEqual(LIMIT, self.total('c', 'containers'))

    def _orders(self) -> None:
        self.set('o', orders=LIMIT)
        self.race('o', 202, self.creations('orders'))
        self.assertEqual(LIMIT, self.total('o', 'orders'))
        self.assertEqual(LIMIT, self.total('o', 'secrets'))

    def _what_orders_make(self) -> None:
        """A refused order leaves neither itself nor a key."""
        self.set('k', secrets=LIMIT)
        self.race('k', 202, self.creations('orders'))
        self.assertEqual(LIMIT, self.total('k', 'orders'))
        self.assertEqual(LIMIT, self.total('k', 'secrets'))

    def _consumers(self) -> None:
        """Those of secrets and of containers count together."""
        secrets = self.race('u', 201, self.creations('secrets')[:4], room=4)
        containers = self.race(
            'u', 201, self.creations('containers')[:4], room=4
        )
        self.set('u', consumers=LIMIT)
        requests: list[tuple[str, str, object]] = []
        for number in range(AT_ONCE // 2):
            one = f'https://example.org/{number}'
            requests += [
                (
                    'POST',
                    f'{secrets[number % 4]}/consumers',
                    {
                        'service': 'compute',
                        'resource_type': 'instance',
                        'resource_id': one,
                    },
                ),
                (
                    'POST',
                    f'{containers[number % 4]}/consumers',
                    {'name': 'compute', 'URL': one},
                ),
            ]
        self.race('u', 200, requests)
