# SPDX-License-Identifier: Apache-2.0
"""The service with its master key in a token of SoftHSM."""

from concurrent import futures
import os
import pathlib
import signal
import unittest
import uuid

from secretstore.tests.functional import base, clients, needles, pkcs11_base
from secretstore.tests.functional.services import (
    libraries,
    own,
    split,
    system,
    tokens,
    web,
)

BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}
PROCESSES, WORKERS = 2, 2
CACHE_SECONDS = 5
WRONG_PIN = 'this-is-no-pin'
# Everything is logged, so that a PIN would be seen.
VERBOSE = {'debug': True, 'default_log_levels': 'sqlalchemy=DEBUG'}

_CLOSE_SESSION = 14
# A file grows by one byte with each session that is closed.
_TELLING = """
static U instead(U session) {
    int file = open(CLOSED, O_CREAT | O_WRONLY | O_APPEND, 0600);
    if (write(file, "x", 1) != 1)
        return 0x30; /* CKR_DEVICE_ERROR */
    close(file);
    return ((U (*)(U))behind[POINTER])(session);
}
"""


def _projects(count: int) -> list[dict[str, str]]:
    return [clients.noauth(uuid.uuid4().hex) for _ in range(count)]


def _children(parent: int) -> list[int]:
    files = pathlib.Path(f'/proc/{parent}/task').glob('*/children')
    return [int(word) for file in files for word in file.read_text().split()]


class TestService(base.FunctionalTest):
    server: own.SecretStore

    def setUp(self) -> None:
        self.token = tokens.SoftHsm()
        self.token.use_in(self)

    def start(self, processes: int) -> None:
        self.server = own.SecretStore(
            self.new_database('sqlite'),
            {
                'DEFAULT': {'security_strategy': 'pkcs11', **VERBOSE},
                'pkcs11': {**self.token.options(), 'workers': WORKERS},
                'conductor': {'key_cache_ttl': CACHE_SECONDS},
            },
            processes=processes,
        )
        self.addCleanup(self.server.stop)
        self.server.start()

    def store(self, headers: dict[str, str]) -> web.Answer:
        url = f'{self.server.url}/v1/secrets'
        return web.call('POST', url, BODY, headers)

    def stored(self, headers: dict[str, str]) -> str:
        answer = self.store(headers)
        self.assertEqual(201, answer.status, answer.body)
        return str(answer.json()['secret_ref'])

    def read(self, headers: dict[str, str], ref: str) -> web.Answer:
        return web.call('GET', f'{ref}/payload', headers=headers)

    def starts(self) -> int:
        """How often a process has loaded the application."""
        return self.server.log_text().count(' ready in ')

    def workers(self) -> list[int]:
        return [
            worker
            for server in _children(self.server.pid)
            for worker in pkcs11_base.workers(server)
        ]

    def test_many_projects(self) -> None:
        """Few sessions; nothing is lost, nothing shown, nothing left."""
        self.start(PROCESSES)
        projects = _projects(40)
        with futures.ThreadPoolExecutor(16) as pool:
            refs = list(pool.map(self.stored, projects))
        listed = self.server.manage('hsm', 'list')
        # One key, though two processes began at the same time.
        self.assertEqual(1, listed.count('NEVER_EXTRACTABLE'), listed)
        workers = self.workers()
        self.assertTrue(1 <= len(workers) <= PROCESSES * WORKERS, workers)
        before = self.starts()
        self.server.restart()
        # One that still starts would end with its worker.
        system.wait_for(
            'all processes', lambda: self.starts() == before + PROCESSES, 30
        )
        for headers, ref in zip(projects, refs, strict=True):
            self.assertEqual(b'hush', self.read(headers, ref).body)
        self.refuse_the_pin(self.workers())
        # An operator has the token take it; nothing is started again.
        self.token.change_pin(WRONG_PIN)
        self.assert_unusable(self.store(_projects(1)[0]))
        self.assertIn('accepted', self.server.manage('hsm', 'check'))
        self.stored(_projects(1)[0])
        workers = self.workers()
        self.assertTrue(workers)
        self.server.kill()
        system.wait_for(
            'their end',
            lambda: not any(map(pkcs11_base.is_alive, workers)),
            10,
        )

    def refuse_the_pin(self, workers: list[int]) -> None:
        marks = needles.Needles()
        marks.add('PIN', self.token.pin)
        self.token.write_pin(WRONG_PIN)
        for worker in workers:
            for name in ('cmdline', 'environ'):
                content = pathlib.Path(f'/proc/{worker}/{name}').read_bytes()
                self.assertNotIn(self.token.pin.encode(), content)
            os.kill(worker, signal.SIGKILL)
        for _ in range(5):
            self.assert_unusable(self.store(_projects(1)[0]))
        log = self.server.log_text()
        self.assertIn('the token refused this PIN', log)
        self.assertIn(' DEBUG ', log)
        self.assertNotIn(WRONG_PIN, log)
        self.assertEqual([], marks.found_in(log, 'the log'))

    def assert_unusable(self, answer: web.Answer) -> None:
        """A client that waits and repeats it would do so in vain."""
        self.assertEqual(503, answer.status, answer.body)
        self.assertNotIn('retry-after', answer.headers)
        self.assertIn(b'until an operator sees to it', answer.body)

    def test_token_away(self) -> None:
        self.start(1)
        (headers,) = _projects(1)
        ref = self.stored(headers)
        with self.token.away():
            self.assertEqual(b'hush', self.read(headers, ref).body)
            (stranger,) = _projects(1)
            system.wait_for(
                'the end of the cache',
                lambda: self.read(headers, ref).status != 200,
                20,
            )
            for answer in (self.read(headers, ref), self.store(stranger)):
                self.assertEqual(503, answer.status, answer.body)
                self.assertIn('retry-after', answer.headers)
                self.assertNotIn(self.token.label.encode(), answer.body)
            health = web.call('GET', f'{self.server.url}/healthcheck')
            self.assertEqual(503, health.status)
        system.wait_for(
            'the token', lambda: self.read(headers, ref).status == 200, 30
        )
        self.assertEqual(b'hush', self.read(headers, ref).body)
        self.assertIn(self.token.label, self.server.log_text())


class TestStandalone(unittest.TestCase):
    def test_one_process(self) -> None:
        token = tokens.SoftHsm()
        token.use_in(self)
        server = own.Standalone()
        with server:
            pass
        config = server.state_folder / 'secretstore.conf'
        lines = [
            f'{name} = {value}' for name, value in token.options().items()
        ]
        text = config.read_text().replace(
            'security_strategy = proprietary',
            'security_strategy = pkcs11\n'
            'enabled_security_strategies = proprietary',
        )
        config.write_text('\n'.join([text, '[pkcs11]', *lines, '']))
        with server:
            answer = web.call(
                'POST',
                f'{server.url}/v1/secrets',
                BODY,
                clients.basic_auth(server),
            )
            self.assertEqual(201, answer.status, answer.body)
            ref = answer.json()['secret_ref']
            payload = web.call(
                'GET', f'{ref}/payload', headers=clients.basic_auth(server)
            )
            self.assertEqual(b'hush', payload.body)


class TestConductor(base.FunctionalTest):
    def test_sessions_are_closed_when_it_stops(self) -> None:
        """Some tokens count those that nobody has closed."""
        token = tokens.SoftHsm()
        token.use_in(self)
        closed = token.folder / 'closed'
        library = libraries.around(
            token, _CLOSE_SESSION, _TELLING, CLOSED=closed
        )
        service = split.Split(
            self.new_database('sqlite'),
            conductors=1,
            options={
                'DEFAULT': {'security_strategy': 'pkcs11'},
                'pkcs11': {**token.options(), 'library_path': library},
            },
        )
        with service:
            answer = web.call(
                'POST', f'{service.url}/v1/secrets', BODY, clients.noauth()
            )
            self.assertEqual(201, answer.status, answer.body)
            (conductor,) = service.conductors
            (process,) = _children(conductor.pid)
            before = len(closed.read_text()) if closed.exists() else 0
            (worker,) = pkcs11_base.workers(process)
            conductor.stop()
        self.assertFalse(pkcs11_base.is_alive(worker))
        self.assertEqual(before + 1, len(closed.read_text()))
