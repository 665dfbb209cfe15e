# SPDX-License-Identifier: Apache-2.0
"""etc/secretstore/uwsgi.ini, as it is handed to operators."""

import http.client
import json
import pathlib
import time
import typing

import bcrypt

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, process, system

RECIPE = pathlib.Path(__file__).parents[3] / 'etc/secretstore/uwsgi.ini'
ADDRESS = '127.0.0.1:9311'
USER = 'operator'
PASSWORD = 'hush-hush'
LOGIN = {'Authorization': clients.encoded_login(USER, PASSWORD)}
JSON = {**LOGIN, 'Content-Type': 'application/json'}
BODY = json.dumps(
    {'payload': 's3cret', 'payload_content_type': 'text/plain'}
).encode()


class Recipe(own.SecretStore):
    """The file with another address; not one option beside it."""

    def command(self) -> list[str]:
        text = RECIPE.read_text()
        if text.count(ADDRESS) != 1:
            raise system.Error(f'{RECIPE} has no {ADDRESS} to replace')
        ini = self.folder / 'uwsgi.ini'
        ini.write_text(text.replace(ADDRESS, f'{system.HOST}:{self.port}'))
        # The tests may run where the package is not installed.
        return [self._uwsgi, '--ini', str(ini), *self.extra]


class TestRecipe(base.FunctionalTest):
    server: typing.ClassVar[Recipe]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = process.new_folder('recipe')
        users = folder / 'users'
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4))
        users.write_bytes(USER.encode() + b':' + hashed + b'\n')
        cls.server = Recipe(
            f'sqlite:///{folder}/secretstore.db',
            {
                'DEFAULT': {'auth_strategy': 'http_basic'},
                'oslo_middleware': {'http_basic_auth_user_file': users},
            },
        )
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self) -> None:
        super().setUp()
        self.connection = self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection(
            system.HOST, self.server.port, timeout=20
        )
        self.addCleanup(made.close)
        made.connect()
        # From here on a connection that the server ends is an error.
        made.auto_open = 0
        return made

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: typing.Any = None,
    ) -> tuple[int, bytes]:
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def test_health(self) -> None:
        for path in ('/healthcheck', '/healthcheck/live'):
            self.assertEqual((200, b'OK'), self._ask('GET', path, {}))

    def test_store_and_read_over_one_connection(self) -> None:
        for _ in range(20):
            status, answer = self._ask('POST', '/v1/secrets', JSON, BODY)
            self.assertEqual(201, status, answer)
            path = json.loads(answer)['secret_ref'].partition('/v1/')[2]
            read = {**LOGIN, 'Accept': 'text/plain'}
            self.assertEqual(
                (200, b's3cret'),
                self._ask('GET', f'/v1/{path}/payload', read),
            )

    def test_a_refused_body_does_not_break_the_next_request(self) -> None:
        plain = {'Content-Type': 'application/json'}
        for expected, path, headers in (
            (401, '/v1/secrets', plain),
            (404, '/v1/no-such-thing', JSON),
            (404, '/elsewhere', JSON),
            (405, '/v1/secrets/%s/payload' % ('0' * 8), JSON),
            (415, '/v1/secrets', {**LOGIN, 'Content-Type': 'text/html'}),
        ):
            for size in (1, 100, 20_000, 60_000):
                with self.subTest(f'{expected} {path} {size}'):
                    self.connection = self._connect()
                    status, answer = self._ask(
                        'POST', path, headers, b'x' * size
                    )
                    self.assertEqual(expected, status, answer)
                    status, answer = self._ask('GET', '/v1/secrets', LOGIN)
                    self.assertEqual(200, status, answer)

    def test_chunks_are_put_together(self) -> None:
        for chunks in ([BODY], [BODY[:9], BODY[9:]], [BODY[:1], BODY[1:]]):
            status, answer = self._ask(
                'POST', '/v1/secrets', JSON, iter(chunks)
            )
            self.assertEqual(201, status, answer)
            status, answer = self._ask('GET', '/v1/secrets', LOGIN)
            self.assertEqual(200, status, answer)

    def test_chunks_of_a_refused_request_are_no_request(self) -> None:
        # In the pieces in which uWSGI would take the last for a request.
        evil = b'GET /healthcheck/live HTTP/1.1\r\nHost: h\r\n\r\n'
        chunk = b'%x\r\nx\r\n\r\n' % (5 + len(evil))
        for path, headers, expected in (
            ('/v1/secrets', {}, 401),
            ('/elsewhere', {}, 404),
            ('/v1/secrets', JSON, 400),
        ):
            self.connection = self._connect()
            self.connection.putrequest('POST', path)
            for name, value in headers.items():
                self.connection.putheader(name, value)
            self.connection.putheader('Transfer-Encoding', 'chunked')
            self.connection.endheaders()
            for piece in (chunk, evil, b'\r\n0\r\n\r\n'):
                time.sleep(0.05)
                self.connection.send(piece)
            answer = self.connection.getresponse()
            self.assertEqual(expected, answer.status, answer.read())
            answer.read()
            status, body = self._ask('GET', '/v1/secrets', LOGIN)
            self.assertEqual((200, b'{"secrets"'), (status, body[:10]))

    def test_chunks_without_an_end(self) -> None:
        def flood() -> typing.Iterator[bytes]:
            while True:
                yield b'x' * 65536

        # Refused or cut off, but ended.
        with self.assertRaises(OSError):
            self._ask('POST', '/v1/secrets', JSON, flood())
        self.connection = self._connect()
        status, answer = self._ask('GET', '/v1/secrets', LOGIN)
        self.assertEqual(200, status, answer)
