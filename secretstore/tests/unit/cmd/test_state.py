# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import socket
import stat
import tempfile
import unittest

import bcrypt
import yaml

from secretstore import errors
from secretstore.cmd import state

URL = 'http://127.0.0.1:9311'


class PrepareTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name) / 'deep' / 'state'

    def prepare(self) -> dict[str, str]:
        """The files after it, by name."""
        config = state.prepare(self.directory, URL)
        self.assertEqual(self.directory / 'secretstore.conf', config)
        return {
            file.name: file.read_text() for file in self.directory.iterdir()
        }

    def test_the_password_in_one_file_fits_the_hash_in_the_other(self) -> None:
        files = self.prepare()
        self.assertEqual(
            {'secretstore.conf', 'users', 'clouds.yaml'}, set(files)
        )
        auth = yaml.safe_load(files['clouds.yaml'])['clouds']['secretstore'][
            'auth'
        ]
        name, _, hashed = files['users'].strip().partition(':')
        self.assertEqual(auth['username'], name)
        self.assertEqual(f'{URL}/v1', auth['endpoint'])
        password = auth['password'].encode()
        self.assertTrue(bcrypt.checkpw(password, hashed.encode()))
        for text in (files['secretstore.conf'], files['users']):
            self.assertNotIn(auth['password'], text)

    def test_again_changes_nothing(self) -> None:
        first = self.prepare()
        self.assertEqual(first, self.prepare())
        (self.directory / 'secretstore.conf').write_text('mine')
        self.assertEqual('mine', self.prepare()['secretstore.conf'])

    def test_only_the_owner_may_look(self) -> None:
        self.prepare()
        self.assertEqual(0o700, stat.S_IMODE(self.directory.stat().st_mode))
        for file in self.directory.iterdir():
            self.assertEqual(0o600, stat.S_IMODE(file.stat().st_mode), file)

    def test_a_new_password_when_the_users_are_gone(self) -> None:
        first = self.prepare()
        (self.directory / 'users').unlink()
        second = self.prepare()
        self.assertNotEqual(first['users'], second['users'])
        self.assertNotEqual(first['clouds.yaml'], second['clouds.yaml'])

    def endpoint(self, url: str) -> str:
        state.prepare(self.directory, url)
        text = (self.directory / 'clouds.yaml').read_text()
        auth = yaml.safe_load(text)['clouds']['secretstore']['auth']
        return str(auth['endpoint'])

    def test_clients_follow_to_another_address(self) -> None:
        before = self.prepare()
        for url in ('http://127.0.0.1:9312', 'http://[::1]:9311'):
            self.assertEqual(f'{url}/v1', self.endpoint(url))
            after = self.prepare()
            self.assertEqual(before, after)
            self.test_only_the_owner_may_look()

    def test_what_others_wrote_into_the_file_stays(self) -> None:
        self.prepare()
        clouds = self.directory / 'clouds.yaml'
        ours = clouds.read_text()
        other = ours.replace('clouds:\n  secretstore:', '  another:')
        other = other.replace('9311', '80')
        clouds.write_text(f'# mine\n{ours}{other}')
        self.endpoint('http://127.0.0.1:9312')
        moved = ours.replace('9311', '9312')
        self.assertEqual(f'# mine\n{moved}{other}', clouds.read_text())
        proxy = 'https://secrets.example.org/v1'
        clouds.write_text(ours.replace(f'{URL}/v1', proxy))
        self.assertEqual(proxy, self.endpoint('http://127.0.0.1:9312'))
        clouds.unlink()
        self.prepare()
        self.assertFalse(clouds.exists())


class PortTest(unittest.TestCase):
    def test_taken(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(errors.StartupError, str(port)):
                state.require_free('127.0.0.1', port)
        state.require_free('127.0.0.1', port)

    def test_url(self) -> None:
        self.assertEqual(URL, state.server_url('127.0.0.1', 9311))
        self.assertEqual('http://[::1]:9311', state.server_url('::1', 9311))
