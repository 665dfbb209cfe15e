# SPDX-License-Identifier: Apache-2.0
"""The database goes away and comes back under a running service."""

from concurrent import futures
import os
import pathlib
import signal
import time
import typing
import uuid

from secretstore.tests.functional import base, clients, services
from secretstore.tests.functional.services import (
    mariadbd,
    own,
    postgres,
    system,
    web,
)

HEADERS = clients.noauth()
TEXT = {**HEADERS, 'Content-Type': 'text/plain'}
BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}
# What clients wait for an answer while the database is away.
SECONDS = 4


class TestDatabaseAway(base.FunctionalTest):
    def test_mariadb(self) -> None:
        with mariadbd.MariaDB() as database:
            self._away_and_back(database)

    def test_postgresql(self) -> None:
        with postgres.PostgreSQL() as database:
            self._away_and_back(database)

    def test_mariadb_that_hangs(self) -> None:
        with mariadbd.MariaDB() as database:
            database.create_database('hangs')
            url = f'{database.url("hangs")}&read_timeout=2'
            with own.SecretStore(url) as server:
                self.url = f'{server.url}/v1/secrets'
                ref = self._store(BODY)
                database.send(signal.SIGSTOP)
                try:
                    answer, took = _timed('GET', f'{ref}/payload', None)
                    self._is_unavailable(answer, took)
                finally:
                    database.send(signal.SIGCONT)
                self._recovers(server, ref)

    def test_a_worker_that_starts_meanwhile(self) -> None:
        # A worker that cannot start must not end the others with it.
        with mariadbd.MariaDB() as database:
            database.create_database('meanwhile')
            with own.SecretStore(database.url('meanwhile')) as server:
                self.url = f'{server.url}/v1/secrets'
                ref = self._store(BODY)
                system.wait_for(
                    'both workers',
                    lambda: server.log_text().count('WSGI app 0') > 1,
                    20,
                )
                database.stop()
                os.kill(_children(server.pid)[0], signal.SIGKILL)
                system.wait_for(
                    'a refusal',
                    lambda: 'secretstore: The database' in server.log_text(),
                    20,
                )
                answer, took = _timed('GET', f'{ref}/payload', None)
                self._is_unavailable(answer, took)
                database.start()
                self._recovers(server, ref)

    def _away_and_back(self, database: services.Database) -> None:
        database.create_database('away')
        with own.SecretStore(database.url('away')) as server:
            self.url = f'{server.url}/v1/secrets'
            pid = server.pid
            ref = self._store(BODY)
            empty = self._store({})
            for stop in (database.stop, database.kill):
                stop()
                self._refused(server, ref, empty)
                database.start()
                self._recovers(server, ref)
            self.assertEqual(pid, server.pid)
            self.assertNotIn('Traceback', server.log_text())

    def _store(self, body: object) -> str:
        answer = web.call('POST', self.url, body, HEADERS)
        self.assertEqual(201, answer.status, answer.body)
        return str(answer.json()['secret_ref'])

    def _refused(self, server: own.SecretStore, ref: str, empty: str) -> None:
        calls: list[tuple[str, str, object]] = [
            ('GET', ref, None),
            ('GET', f'{ref}/payload', None),
            ('GET', f'{ref}/metadata', None),
            ('GET', self.url, None),
            ('POST', self.url, BODY),
            ('PUT', empty, b'later'),
            ('DELETE', ref, None),
            ('DELETE', f'{self.url}/{uuid.uuid4()}', None),
        ]
        with futures.ThreadPoolExecutor(len(calls) + 1) as pool:
            answers = [pool.submit(_timed, *call) for call in calls]
            live = pool.submit(
                _timed, 'GET', f'{server.url}/healthcheck/live', None
            )
            for call, answer in zip(calls, answers, strict=True):
                with self.subTest(f'{call[0]} {call[1]}'):
                    self._is_unavailable(*answer.result())
            self.assertEqual((200, b'OK'), _status(live.result()[0]))
        health, took = _timed('GET', f'{server.url}/healthcheck', None)
        self.assertEqual(503, health.status)
        self.assertIn(b'database', health.body)
        self.assertLess(took, SECONDS)

    def _is_unavailable(self, answer: web.Answer, took: float) -> None:
        self.assertEqual(503, answer.status, answer.body)
        self.assertLess(took, SECONDS)
        self.assertGreater(int(answer.headers['retry-after']), 0)
        error = answer.json()
        self.assertEqual({'code', 'title', 'description'}, set(error))
        self.assertEqual(503, error['code'])
        self.assertIn('database', error['description'])
        # Where it is, and whose, is not the caller's to know.
        for inside in (system.HOST, mariadbd.PASSWORD, 'sql'):
            self.assertNotIn(inside, error['description'].lower())

    def _recovers(self, server: own.SecretStore, ref: str) -> None:
        answer, _ = _timed('GET', f'{ref}/payload', None)
        self.assertEqual((200, b'hush'), _status(answer))
        self._store(BODY)
        system.wait_for('health', server.ready, 3)


def _children(pid: int) -> list[int]:
    path = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
    return [int(child) for child in path.read_text().split()]


def _status(answer: web.Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


def _timed(
    method: str, url: str, body: typing.Any
) -> tuple[web.Answer, float]:
    headers = TEXT if method == 'PUT' else HEADERS
    began = time.monotonic()
    answer = web.call(method, url, body, headers, SECONDS * 3)
    return answer, time.monotonic() - began
