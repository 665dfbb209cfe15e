# SPDX-License-Identifier: Apache-2.0
"""More work than conductors can do, and conductors that others refuse."""

from concurrent import futures
import os
import re
import time
import typing
import uuid

from secretstore.tests.functional import base, clients, slow, writers
from secretstore.tests.functional.services import split, system, web

SECONDS = 0.4
CLIENTS = 48
MEBIBYTE = 2**20


class SlowStrategy(split.Split):
    """Conductors that ask a slow custodian for a key in each request."""

    def __init__(self, database_url: str, queue: int, threads: int) -> None:
        super().__init__(
            database_url,
            conductors=1,
            api_processes=2,
            options={
                'DEFAULT': {
                    'security_strategy': f'{slow.__name__}.SecurityWorkflow'
                },
                'conductor': {'key_cache_ttl': 0},
                'rpc': {'max_queue': queue, 'threads': threads},
            },
        )
        os.environ[slow.VARIABLE] = str(SECONDS)


class TestPressure(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        self.headers = clients.noauth(f'p-{uuid.uuid4().hex}')
        self.addCleanup(os.environ.pop, slow.VARIABLE, None)

    def test_a_slow_strategy(self) -> None:
        """Requests wait for it; what does not need it does not."""
        with SlowStrategy(self.new_database('mariadb'), 100, 16) as service:
            with writers.Writers(service.url, self.headers) as at_work:
                at_work.wait_for_more(8)
                began = time.monotonic()
                health = web.call('GET', f'{service.url}/healthcheck/live')
                self.assertEqual(200, health.status)
                self.assertLess(time.monotonic() - began, SECONDS)
                at_work.wait_for_more(8)
            os.environ[slow.VARIABLE] = '0'
            service.conductors[0].restart()
            writers.reckon(self, service.url, self.headers, at_work)
            self.assertLessEqual(set(at_work.answers), {'POST 201', 'PUT 204'})

    def test_a_full_queue(self) -> None:
        """What cannot wait is told to come again, and takes no memory."""
        with SlowStrategy(self.new_database('mariadb'), 2, 2) as service:
            conductor = service.conductors[0]
            before = _resident(conductor.pid)
            with futures.ThreadPoolExecutor(CLIENTS) as pool:
                answers = list(
                    pool.map(
                        lambda _: self._store(service.url), range(CLIENTS * 4)
                    )
                )
            grown = _resident(conductor.pid) - before
            found = {answer.status for answer in answers}
            self.assertEqual({201, 503}, found)
            for answer in answers:
                if answer.status == 503:
                    self.assertGreater(int(answer.headers['retry-after']), 0)
                    self.assertIn('conductor', answer.json()['description'])
            self.assertLess(grown, 16 * MEBIBYTE)
            total, listed = writers.listing(service.url, self.headers)
            stored = [a for a in answers if a.status == 201]
            self.assertEqual(len(stored), total)
            self.assertEqual(
                {a.json()['secret_ref'] for a in stored}, set(listed)
            )
            system.say(f'{len(stored)} stored, {grown / MEBIBYTE:.1f} MiB')

    def _store(self, url: str) -> web.Answer:
        body = {'payload': 'x' * 9000, 'payload_content_type': 'text/plain'}
        return web.call('POST', f'{url}/v1/secrets', body, self.headers)


def _resident(pid: int) -> int:
    """Bytes of memory that a process and its children have."""
    total = 0
    for each in (pid, *split.children(pid)):
        with open(f'/proc/{each}/status') as file:
            (kibibytes,) = re.findall(r'VmRSS:\s+(\d+) kB', file.read())
        total += int(kibibytes) * 1024
    return total


class TestWrongSealKey(base.FunctionalTest):
    """A conductor that has another seal key than the rest."""

    def test_among_good_ones(self) -> None:
        service = split.Split(self.new_database('mariadb'), conductors=3)
        service.prepare()
        odd = service.conductors[1]
        other = service.folder / 'other.key'
        odd.options['rpc']['seal_key_file'] = other
        odd.manage('rpc', 'create-seal-key')
        headers = clients.noauth(f'p-{uuid.uuid4().hex}')
        with service:
            with writers.Writers(service.url, headers) as at_work:
                at_work.wait_for_more(150)
            writers.reckon(self, service.url, headers, at_work)
            self.assertEqual({'POST 201', 'PUT 204'}, set(at_work.answers))
            self.assert_one_line(odd.log_text(), 'WRONG_KEY', 'same file')
            self.assert_one_line(service.api.log_text(), odd.endpoint)

    def assert_one_line(self, text: str, *words: str) -> None:
        found = [
            line
            for line in text.splitlines()
            if all(word in line for word in words)
        ]
        self.assertTrue(found, text[-3000:])


class TestAlone(base.FunctionalTest):
    def test_the_only_conductor_has_another_key(self) -> None:
        service = split.Split(self.new_database('sqlite'), conductors=1)
        service.prepare()
        (odd,) = service.conductors
        odd.options['rpc']['seal_key_file'] = service.folder / 'other.key'
        odd.manage('rpc', 'create-seal-key')
        self.addCleanup(odd.stop)
        odd.start()
        api = service.api
        self.addCleanup(api.stop)
        api.prepare()
        api.launch()
        system.wait_for(
            'the API', lambda: web.answers(f'{api.url}/healthcheck/live')
        )
        answer = web.call('GET', f'{api.url}/v1/secrets', headers=NOBODY)
        self.assertEqual(503, answer.status, answer.body)
        self.assertIn('key', api.log_text())


NOBODY: typing.Final = clients.noauth()
