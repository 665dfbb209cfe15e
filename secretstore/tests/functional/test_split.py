# SPDX-License-Identifier: Apache-2.0
"""API processes and conductors of their own: starts, stops, privileges."""

from concurrent import futures
import os
import re
import signal
import typing

from secretstore.tests.functional import base, clients, refusal
from secretstore.tests.functional.services import own, split, system, web

HEADERS = clients.noauth()
BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}
# Neither these nor anything below them.
NOT_FOR_API = (
    'alembic',
    'eventlet',
    'oslo_messaging',
    'secretstore.conductor',
    'secretstore.crypto.envelope',
    'secretstore.crypto.generate',
    'secretstore.crypto.transport',
    'secretstore.db',
    'secretstore.keys',
    'secretstore.security',
    'sqlalchemy',
)


class TestPrivileges(base.FunctionalTest):
    """What a process of the API has in its memory, looked at from inside."""

    def test_an_api_process_has_no_key_and_no_database(self) -> None:
        with split.Split(self.new_database('sqlite')) as service:
            service.api.stop()
            service.api.module = 'secretstore.tests.functional.modules'
            service.api.module += ':application'
            service.api.start()
            ref = _store(self, service.url)
            answer = web.call('GET', f'{ref}/payload', headers=HEADERS)
            self.assertEqual((200, b'hush'), (answer.status, answer.body))
            found = web.call('GET', f'{service.url}/modules').json()
            self.assertIn('secretstore.rpc.client', found)
            self.assertEqual([], _unwanted(found))
            options = service.api.config_file.read_text()
            self.assertNotIn('[database]', options)
            self.assertNotIn(str(service.key_folder), options)


def _unwanted(modules: typing.Iterable[str]) -> list[str]:
    return [
        name
        for name in modules
        if any(f'{name}.'.startswith(f'{root}.') for root in NOT_FOR_API)
    ]


def _store(test: base.FunctionalTest, url: str) -> str:
    answer = web.call('POST', f'{url}/v1/secrets', BODY, HEADERS)
    test.assertEqual(201, answer.status, answer.body)
    return str(answer.json()['secret_ref'])


class TestStarts(base.FunctionalTest):
    service: split.Split

    def setUp(self) -> None:
        super().setUp()
        self.service = split.Split(self.new_database('sqlite'))
        self.addCleanup(self.service.stop)

    def test_the_api_starts_before_the_conductors(self) -> None:
        self.service.prepare()
        api = self.service.api
        self.addCleanup(api.stop)
        api.prepare()
        api.launch()
        live = f'{api.url}/healthcheck/live'
        system.wait_for('the API', lambda: web.answers(live))
        self.assertEqual(200, web.call('GET', live).status)
        for method, body in (('POST', BODY), ('GET', None)):
            answer = web.call(method, f'{api.url}/v1/secrets', body, HEADERS)
            self.assertEqual(503, answer.status, answer.body)
            self.assertGreater(int(answer.headers['retry-after']), 0)
            self.assertIn('conductor', answer.json()['description'])
        health = web.call('GET', f'{api.url}/healthcheck')
        self.assertEqual(503, health.status)
        self.assertIn(b'conductor', health.body)
        for conductor in self.service.conductors:
            self.assertIn(conductor.endpoint, api.log_text())
        self.service.start()
        pid = api.pid
        _store(self, api.url)
        self.assertEqual(pid, api.pid)

    def test_one_of_two_is_enough(self) -> None:
        with self.service as service:
            _, other = service.conductors
            other.kill()

            def named() -> bool:
                with futures.ThreadPoolExecutor(8) as pool:
                    for _ in pool.map(
                        lambda _: _store(self, service.url), range(40)
                    ):
                        pass
                return other.endpoint in service.api.log_text()

            # Few threads may have done all, and none have chosen it.
            system.wait_for('its name in the log', named, 20)
            health = web.call('GET', f'{service.url}/healthcheck')
            self.assertEqual(200, health.status, health.body)

    def test_sighup_reads_the_configuration_again(self) -> None:
        with self.service as service:
            first, _ = service.conductors
            pid, workers = first.pid, split.children(first.pid)
            first.options['DEFAULT']['debug'] = True
            told = first.manage('rpc', 'create-seal-key', '--rotate')
            os.kill(first.pid, signal.SIGHUP)
            system.wait_for('new workers', first.ready, 20)
            for _ in range(10):
                _store(self, service.url)
            self.assertEqual(pid, first.pid)
            self.assertFalse(set(workers) & set(split.children(first.pid)))
            self.assertIn(' DEBUG ', first.log_text())
            new, old = re.findall('[0-9a-f]{16}', told)
            used = f'{service.seal_key}: key {old} is used\n'
            for server in (service.api, first):
                self.assertIn(used, server.log_text())
            both = f'{new} is used, {old} accepted\n'
            self.assertIn(both, first.log_text())
            self.assertNotIn(new, service.api.log_text())

    def test_a_worker_that_dies_is_replaced(self) -> None:
        with self.service as service:
            first, _ = service.conductors
            (worker,) = split.children(first.pid)
            os.kill(worker, signal.SIGKILL)
            system.wait_for(
                'another', lambda: first.log_text().count('Serving on ') > 1
            )
            self.assertNotEqual([worker], split.children(first.pid))
            _store(self, service.url)


class TestMistakes(base.FunctionalTest):
    def refused(self, group: str, **options: object) -> str:
        service = split.Split(self.new_database('sqlite'), conductors=1)
        service.prepare()
        (conductor,) = service.conductors
        changed = conductor.options.setdefault(group, {})
        changed.update(options)
        conductor.prepare()
        return refusal.of(self, conductor, prefix='secretstore-conductor: ')

    def test_of_a_conductor(self) -> None:
        for group, options, word in (
            ('DEFAULT', {'security_strategy': 'magic'}, 'magic'),
            (
                'DEFAULT',
                {'transport_url': 'carrier://pigeon'},
                'transport_url',
            ),
            ('conductor', {'workers': 0}, 'workers'),
            ('database', {'connection': 'oracle://x/y'}, 'oracle'),
            ('rpc', {'seal_key_file': '/none/key'}, '/none/key'),
            ('rpc', {'listen': '192.0.2.1:1'}, '192.0.2.1'),
        ):
            with self.subTest(options):
                self.assertIn(word, self.refused(group, **options))

    def test_of_the_api(self) -> None:
        service = split.Split(self.new_database('sqlite'), conductors=1)
        service.prepare()
        for group, name, value, word in (
            ('DEFAULT', 'transport_url', 'carrier://pigeon', 'transport_url'),
            ('rpc', 'seal_key_file', '/none/key', '/none/key'),
        ):
            api = own.Api(service.api.options, processes=1)
            api.options[group][name] = value
            api.prepare()
            self.assertIn(word, refusal.of(self, api))
