# SPDX-License-Identifier: Apache-2.0
"""More work than conductors can do, and conductors that others refuse."""

import base64
import collections
from concurrent import futures
import contextlib
import functools
import itertools
import json
import re
import socket
import time
import typing
import uuid

from secretstore.tests.functional import base, clients, slow, writers
from secretstore.tests.functional.services import split, system, web

SECONDS = 0.4
# More than all that is refused takes.
LONG = 20.0
# Less than a conductor lets requests wait before it refuses them.
PATIENCE = 8.0
READS = 5
CLIENTS = 48
MEBIBYTE = 2**20
# Of requests that go straight to a conductor, and what one has in it.
CONNECTIONS = 200
LARGE = 700_000


class SlowStrategy(split.Split):
    """Conductors that ask a slow custodian for a key in each request."""

    def __init__(self, database_url: str, queue: int, threads: int) -> None:
        super().__init__(
            database_url,
            conductors=1,
            api_processes=2,
            options={
                'DEFAULT': {'security_strategy': slow.STRATEGY},
                'conductor': {'key_cache_ttl': 0},
                'rpc': {'max_queue': queue, 'threads': threads},
            },
        )
        self.slowness = slow.Slowness(self.folder)


class TestPressure(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        self.headers = clients.noauth(f'p-{uuid.uuid4().hex}')

    def slow(self, kind: str, queue: int, threads: int) -> SlowStrategy:
        made = SlowStrategy(self.new_database(kind), queue, threads)
        self.addCleanup(made.slowness.forget)
        return made

    def test_a_slow_strategy(self) -> None:
        """Requests wait for it; what does not need it does not."""
        with self.slow('mariadb', 100, 16) as service:
            service.slowness.set(SECONDS)
            with writers.Writers(service.url, self.headers) as at_work:
                at_work.wait_for_more(8)
                ref = next(iter(at_work.stored))
                urls = [ref, f'{ref}/metadata', ref.rpartition('/')[0]]
                began = time.monotonic()
                for url in urls * READS:
                    answer = web.call('GET', url, headers=self.headers)
                    self.assertEqual(200, answer.status)
                each = (time.monotonic() - began) / READS / len(urls)
                self.assertLess(each, SECONDS / 4)
                at_work.wait_for_more(8)
            service.slowness.set(0)
            writers.reckon(self, service.url, self.headers, at_work)
            self.assertLessEqual(set(at_work.answers), {'POST 201', 'PUT 204'})

    def test_a_full_queue(self) -> None:
        """What cannot wait is told to come again, and the log says why."""
        with self.slow('mariadb', 2, 2) as service:
            service.slowness.set(SECONDS)
            with futures.ThreadPoolExecutor(CLIENTS) as pool:
                answers = list(
                    pool.map(
                        lambda _: self._store(service.url), range(CLIENTS * 4)
                    )
                )
            found = {answer.status for answer in answers}
            self.assertEqual({201, 503}, found)
            for answer in answers:
                if answer.status == 503:
                    self.assertGreater(int(answer.headers['retry-after']), 0)
                    self.assertIn('conductor', answer.json()['description'])
            self.assertIn('Overloaded', service.api.log_text())
            total, listed = writers.listing(service.url, self.headers)
            stored = [a for a in answers if a.status == 201]
            self.assertEqual(len(stored), total)
            self.assertEqual(
                {a.json()['secret_ref'] for a in stored}, set(listed)
            )
            system.say(f'{len(stored)} stored')

    def test_what_is_refused_takes_no_memory(self) -> None:
        service = self.slow('sqlite', 2, 2)
        # So that what is sent need not be sealed here.
        (conductor,) = service.conductors
        conductor.options['rpc']['seal'] = False
        service.prepare()
        self.addCleanup(conductor.kill)
        conductor.start()
        service.slowness.set(LONG)
        before = _resident(conductor.pid)
        with contextlib.ExitStack() as stack:
            sockets = [
                stack.enter_context(
                    socket.create_connection((system.HOST, conductor.port))
                )
                for _ in range(CONNECTIONS)
            ]
            pool = stack.enter_context(futures.ThreadPoolExecutor(CONNECTIONS))
            stack.callback(_hang_up, sockets)
            asked = [pool.submit(_told, each) for each in sockets]
            # Four stay: two with the custodian, and two that wait.
            refused = collections.Counter(_first(asked, CONNECTIONS - 4))
            grown = _resident(conductor.pid) - before
        system.say(f'{dict(refused)}, {grown / MEBIBYTE:.1f} MiB more')
        self.assertLess(grown, CONNECTIONS * LARGE / 2)
        self.assertEqual({b'HTTP/1.1 503': CONNECTIONS - 4}, refused)

    def _store(self, url: str) -> web.Answer:
        body = {'payload': 'x' * 9000, 'payload_content_type': 'text/plain'}
        return web.call('POST', f'{url}/v1/secrets', body, self.headers)


def _told(connection: socket.socket) -> bytes:
    """The first of the answer to a large request; nothing: none came."""
    connection.sendall(_request())
    return connection.recv(12)


def _first(
    asked: typing.Iterable[futures.Future[bytes]], count: int
) -> typing.Iterator[bytes]:
    """That many answers, or those that come before the conductor gives up."""
    with contextlib.suppress(TimeoutError):
        for answer in itertools.islice(
            futures.as_completed(asked, PATIENCE), count
        ):
            yield answer.result()


def _hang_up(sockets: typing.Iterable[socket.socket]) -> None:
    for each in sockets:
        each.shutdown(socket.SHUT_RDWR)


@functools.cache
def _request() -> bytes:
    secret = {
        'name': 'large',
        'secret_type': 'opaque',
        'content_type': 'text/plain',
        'payload': base64.b64encode(bytes(LARGE)).decode(),
        **dict.fromkeys(('algorithm', 'bit_length', 'mode', 'expiration')),
    }
    caller = {'user_id': 'u', 'project_id': 'p', 'roles': ['member']}
    call = {
        'jsonrpc': '2.0',
        'id': 1,
        'method': 'secrets.create',
        'params': {'context': caller, 'secret': secret},
    }
    body = json.dumps(call).encode()
    head = (
        'POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n'
        f'Content-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


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
