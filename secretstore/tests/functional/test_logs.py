# SPDX-License-Identifier: Apache-2.0
"""Each line of a log names its request, in both formats."""

import json
import pathlib
import re
import typing
import uuid

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, process, web

GLOBAL_ID = f'req-{uuid.uuid4()}'
_LINE = re.compile(
    r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ [A-Z]+ [\w.]+ '
    r'\[(?:-|(?:None|(?P<global>req-\S+)) (?:None|(?P<id>req-\S+)) [^]]*)\] '
)


class LogsTest(base.FunctionalTest):
    """One request that is logged: it needs a key that is not there."""

    def options(
        self, folder: pathlib.Path, use_json: bool
    ) -> dict[str, typing.Any]:
        return {
            'log_file': folder / 'secretstore.log',
            'use_json': use_json,
            'debug': True,
        }

    def ask(
        self, url: str, keys: pathlib.Path, headers: dict[str, str]
    ) -> str:
        """The request id of the answer."""
        (key,) = [file for file in keys.iterdir() if file.is_file()]
        kept = key.rename(key.with_suffix('.kept'))
        try:
            answer = web.call(
                'POST',
                f'{url}/v1/secrets',
                {'payload': 'x', 'payload_content_type': 'text/plain'},
                {**headers, 'X-Openstack-Request-Id': GLOBAL_ID},
            )
        finally:
            kept.rename(key)
        self.assertGreaterEqual(answer.status, 500)
        return answer.headers['x-openstack-request-id']

    def assert_json(self, folder: pathlib.Path, request_id: str) -> None:
        lines = (folder / 'secretstore.log').read_text().splitlines()
        records = [json.loads(line) for line in lines]
        mine = [
            record
            for record in records
            if record['context'].get('request_id') == request_id
        ]
        self.assertTrue(mine, lines[-5:])
        self.assertLess(len(mine), len(records))
        for record in mine:
            self.assertEqual(GLOBAL_ID, record['context']['global_request_id'])
        self.assertIn('ERROR', {record['levelname'] for record in mine})

    def assert_text(self, folder: pathlib.Path, request_id: str) -> None:
        text = (folder / 'secretstore.log').read_text()
        found = [_LINE.match(line) for line in text.splitlines()]
        mine = [one for one in found if one and one['id'] == request_id]
        self.assertTrue(mine, text[-2000:])
        self.assertEqual({GLOBAL_ID}, {one['global'] for one in mine})


class TestUwsgi(LogsTest):
    def test_both_formats(self) -> None:
        for use_json in (True, False):
            folder = process.new_folder('logs')
            options = self.options(folder, use_json)
            database = f'sqlite:///{folder}/secretstore.db'
            with own.SecretStore(database, {'DEFAULT': options}) as server:
                headers = {'X-Project-Id': uuid.uuid4().hex}
                found = self.ask(server.url, server.key_folder, headers)
            with self.subTest(json=use_json):
                check = self.assert_json if use_json else self.assert_text
                check(folder, found)


class TestStandalone(LogsTest):
    def test_json(self) -> None:
        server = own.Standalone()
        with server:
            pass
        folder = server.state_folder
        config = folder / 'secretstore.conf'
        lines = [
            f'{name} = {value}'
            for name, value in self.options(folder, True).items()
        ]
        config.write_text(
            config.read_text().replace(
                '[DEFAULT]', '\n'.join(['[DEFAULT]', *lines])
            )
        )
        with server:
            headers = clients.basic_auth(server)
            found = self.ask(server.url, folder / 'keys', headers)
        self.assert_json(folder, found)
