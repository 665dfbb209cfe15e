# SPDX-License-Identifier: Apache-2.0
"""No payload, key, token or password is in any log or error.

Everything is logged, of every library, while requests succeed, fail, and
run into a broken database.
"""

import base64
import json
import secrets

from secretstore.tests.functional import base, clients, needles, services
from secretstore.tests.functional.services import (
    accounts,
    mariadbd,
    own,
    process,
    uwsgi,
    web,
)

# oslo.log keeps many libraries at WARNING unless told otherwise, and
# SQLAlchemy itself.
VERBOSE = {'debug': True, 'default_log_levels': 'sqlalchemy=DEBUG'}
TEXT = 'text/plain'
BINARY = 'application/octet-stream'


class _Requests:
    """Sends requests of all kinds, and keeps what came back of errors."""

    def __init__(
        self, url: str, headers: dict[str, str], marks: needles.Needles
    ) -> None:
        self.url = f'{url}/v1/secrets'
        self.orders = f'{url}/v1/orders'
        self.workflow = f'{url}/workflow/v1'
        self.headers = headers
        self.marks = marks
        self.errors: list[bytes] = []
        self.statuses: set[int] = set()

    def send(
        self, method: str, url: str, body: object = None, **headers: str
    ) -> web.Answer:
        named = {k.replace('_', '-'): v for k, v in headers.items()}
        answer = web.call(method, url, body, {**self.headers, **named})
        self.statuses.add(answer.status)
        if answer.status >= 400:
            self.errors.append(answer.body)
        return answer

    def post(self, **fields: object) -> str:
        """The reference of a new secret, empty when it was refused."""
        answer = self.send('POST', self.url, fields)
        if answer.status != 201:
            return ''
        return str(answer.json()['secret_ref'])

    def store(self) -> str:
        return self.post(
            payload=self.marks.text('payload'), payload_content_type=TEXT
        )

    def good(self) -> None:
        """Requests that succeed, payloads in every form."""
        ref = self.store()
        self.send('GET', ref)
        for accept in (TEXT, BINARY):
            self.send('GET', f'{ref}/payload', Accept=accept)
            self.send('GET', ref, Accept=accept)
        binary = self.marks.binary('binary payload')
        self.post(
            payload=base64.b64encode(binary).decode(),
            payload_content_type=BINARY,
            payload_content_encoding='base64',
        )
        empty = self.post()
        text = self.marks.text('second step')
        self.send('PUT', empty, text.encode(), Content_Type=TEXT)
        empty = self.post()
        self.send('PUT', empty, binary, Content_Type=BINARY)
        empty = self.post()
        self.send(
            'PUT',
            empty,
            base64.b64encode(binary),
            Content_Type=BINARY,
            Content_Encoding='base64',
        )
        self.send('PUT', f'{ref}/metadata', {'metadata': {'k': 'v'}})
        self.send('GET', self.url)
        self.send('DELETE', empty)
        self.order(passphrase=self.marks.text('pass phrase'))
        self.send('GET', self.orders)
        self.named_keys()

    def named_keys(self) -> None:
        for path in ('backups/b/encryption-key', 'replication-users/r/key'):
            answer = self.send('PUT', f'{self.workflow}/{path}')
            self.marks.add(path, answer.json()['key'])
            self.send('GET', f'{self.workflow}/{path}')

    def order(self, **meta: object) -> None:
        key = {'algorithm': 'ec', 'bit_length': 256}
        body = {'type': 'asymmetric', 'meta': key | meta}
        self.send('POST', self.orders, body)

    def bad(self) -> None:
        """Requests that are refused, with a payload in them all."""
        text = self.marks.text('refused payload')
        as_json = json.dumps({'payload': text}).encode()
        for body in (as_json[:-1], as_json + b'\xff'):
            self.send('POST', self.url, body, Content_Type='application/json')
        self.send('POST', self.url, as_json, Content_Type='text/xml')
        self._wrong_types(text)
        self._contradictions(text)
        ref, empty = self.store(), self.post()
        for kind, encoding in (
            ('no/such', ''),
            (BINARY, 'base64'),
            (BINARY, 'gzip'),
        ):
            self.send(
                'PUT',
                empty,
                f'{text}!'.encode(),
                Content_Type=kind,
                Content_Encoding=encoding,
            )
        self.send('PUT', ref, text.encode(), Content_Type=TEXT)
        self.send('PUT', empty, text.encode() * 1000, Content_Type=TEXT)
        self.send('GET', f'{ref}/payload', Accept='image/png')
        self.send('PATCH', ref, as_json)
        phrase = self.marks.text('refused pass phrase')
        self.order(passphrase=[phrase])
        self.order(passphrase=phrase * 100)
        self.order(passphrase=phrase, bit_length=1)
        self.order(passphrase=phrase, algorithm='no such')
        self.send(
            'POST',
            self.orders,
            {'type': 'asymmetric', 'meta': [{'passphrase': phrase}]},
        )

    def _wrong_types(self, text: str) -> None:
        for wrong in (text, [text], {'payload': [text]}):
            self.send(
                'POST',
                self.url,
                json.dumps(wrong).encode(),
                Content_Type='application/json',
            )

    def _contradictions(self, text: str) -> None:
        for payload in (text * 1000, text + '\ud800'):
            self.post(payload=payload, payload_content_type=TEXT)
        self.post(payload=text)
        self.post(payload=text, payload_content_type='no/such')
        self.post(payload=text, payload_content_type=TEXT, bit_length=-1)
        for encoding in ('base64', 'rot13'):
            self.post(
                payload=text,
                payload_content_type=BINARY,
                payload_content_encoding=encoding,
            )

    def strangers(self, **headers: str) -> None:
        for method in ('GET', 'POST'):
            answer = self.send(method, self.url, **headers)
            assert answer.status == 401, answer


class TestNoLeaks(base.FunctionalTest):
    def test_keystone_and_mariadb(self) -> None:
        marks = needles.Needles()
        identity = services.keystone()
        marks.add('service password', accounts.SERVICE.password)
        marks.add('token', identity.token(accounts.BENCH.user))
        with mariadbd.MariaDB() as database:
            database.create_database('leaks')
            # The account's password is too common a word to look for.
            password = secrets.token_hex(16)
            marks.add('database password', password)
            database.sql(
                "GRANT ALL ON leaks.* TO leaks@'127.0.0.1' "
                f"IDENTIFIED BY '{password}'"
            )
            url = database.url('leaks').replace(
                f'root:{mariadbd.PASSWORD}', f'leaks:{password}'
            )
            options = uwsgi.merge(
                own.with_keystone(identity, services.memcached()),
                {'DEFAULT': VERBOSE},
            )
            with own.SecretStore(url, options, processes=1) as server:
                self._run(server, database, marks)

    def _run(
        self,
        server: own.SecretStore,
        database: mariadbd.MariaDB,
        marks: needles.Needles,
    ) -> None:
        headers = {'X-Auth-Token': marks.value('token')}
        requests = _Requests(server.url, headers, marks)
        requests.good()
        requests.bad()
        requests.strangers(X_Auth_Token=marks.text('wrong token'))
        requests.strangers(X_Auth_Token=marks.value('token')[:-5])
        needles.add_keys(marks, server, database)
        _break(database, requests)
        self.assertLessEqual(
            {201, 400, 401, 406, 409, 413, 415, 500, 503}, requests.statuses
        )
        log = server.log_text()
        for word in (
            'Traceback',
            ' keystonemiddleware.',
            ' DEBUG sqlalchemy.',
        ):
            self.assertIn(word, log)
        self._nothing_leaked(server, marks, requests.errors)

    def test_standalone(self) -> None:
        self._standalone(VERBOSE)

    def test_standalone_that_logs_json(self) -> None:
        # Such a line has a message and, once more, what it was made of.
        self._standalone({**VERBOSE, 'use_json': True})

    def _standalone(self, options: dict[str, object]) -> None:
        marks = needles.Needles()
        server = own.Standalone()
        with server:
            pass
        config = server.state_folder / 'secretstore.conf'
        lines = [f'{name} = {value}' for name, value in options.items()]
        verbose = '\n'.join(['[DEFAULT]', *lines])
        config.write_text(config.read_text().replace('[DEFAULT]', verbose))
        user, password = clients.login(server)
        marks.add('password', password)
        marks.add('login', f'{user}:{password}')
        users = server.state_folder / 'users'
        marks.add('hash', users.read_text().strip().partition(':')[2])
        (key,) = (server.state_folder / 'keys').iterdir()
        needles.add_master_key(marks, key)
        with server:
            requests = _Requests(server.url, clients.basic_auth(server), marks)
            requests.good()
            requests.bad()
            wrong = marks.text('wrong password')
            requests.strangers(
                Authorization=clients.encoded_login(user, wrong)
            )
            requests.strangers(
                Authorization=clients.encoded_login('nobody', wrong)
            )
            requests.strangers(Authorization=f'Basic {wrong}')
            kept = key.with_suffix('.kept')
            key.rename(kept)
            web.call('GET', f'{server.url}/healthcheck')
            self._nothing_leaked(server, marks, requests.errors)

    def _nothing_leaked(
        self,
        server: process.Server,
        marks: needles.Needles,
        errors: list[bytes],
    ) -> None:
        log = server.log_text()
        # That the net is out, at all levels, and would catch something.
        self.assertTrue(marks.found_in(marks.text('payload'), 'itself'))
        for word in ('DEBUG', 'INFO', 'WARNING', 'secretstore'):
            self.assertIn(word, log)
        self.assertEqual([], marks.found_in(log, server.log_file.name))
        for body in errors:
            text = body.decode(errors='replace')
            self.assertEqual([], marks.found_in(text, text))


def _break(database: mariadbd.MariaDB, requests: _Requests) -> None:
    """Requests to a database that lacks a table, lies, and is gone."""
    requests.store()
    broken = requests.post()
    text = requests.marks.text('payload for a broken database').encode()
    database.sql('ALTER TABLE secret_payloads RENAME TO gone', 'leaks')
    requests.store()
    requests.send('PUT', broken, text, Content_Type=TEXT)
    requests.send('GET', f'{broken}/payload')
    database.sql('ALTER TABLE gone RENAME TO secret_payloads', 'leaks')
    database.sql('UPDATE secret_payloads SET envelope = 0', 'leaks')
    requests.send('GET', f'{requests.store()}/payload')
    database.sql('UPDATE secret_payloads SET envelope = 0', 'leaks')
    listed = requests.send('GET', requests.url).json()['secrets']
    for secret in listed:
        requests.send('GET', f'{secret["secret_ref"]}/payload')
    database.stop()
    requests.store()
    requests.send('PUT', broken, text, Content_Type=TEXT)
