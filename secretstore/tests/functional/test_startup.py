# SPDX-License-Identifier: Apache-2.0
"""What is wrong at the start stops the start, with one line."""

import base64
import contextlib
import os
import pathlib
import sqlite3
import subprocess
import sys
import typing
import unittest

from secretstore.tests.functional import base, clients, refusal
from secretstore.tests.functional.services import (
    own,
    process,
    system,
    uwsgi,
    web,
)


class _MasterKeyFile:
    """The tests; a class below says with which server."""

    server: typing.ClassVar[process.Server]
    folder: typing.ClassVar[pathlib.Path]

    @classmethod
    def use(cls, server: process.Server, folder: pathlib.Path) -> None:
        cls.server, cls.folder = server, folder
        # The first start makes database and key.
        server.start()
        server.stop()
        (cls.file,) = folder.iterdir()

    def setUp(self) -> None:
        good = self.file.read_bytes()
        self.addCleanup(self.file.chmod, 0o600)
        self.addCleanup(self.file.write_bytes, good)

    def refused(self, *words: str, before: typing.Sequence[str] = ()) -> None:
        line = refusal.of(self, self.server, before)
        for word in (str(self.file), *words):
            self.assertIn(word, line)

    def test_missing(self) -> None:
        kept = self.file.with_suffix('.kept')
        self.file.rename(kept)
        self.addCleanup(kept.rename, self.file)
        self.refused('missing', 'restore')

    def test_wrong(self) -> None:
        other = base64.b64encode(os.urandom(32))
        self.file.write_bytes(other)
        self.refused('not the key', 'restore')

    def test_world_readable(self) -> None:
        self.file.chmod(0o644)
        self.refused('0644', 'chmod 600')

    def test_unreadable(self) -> None:
        self.file.chmod(0)
        self.refused('Permission denied', before=refusal.without_root_powers())


class TestMasterKeyFileOfStandalone(_MasterKeyFile, unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        server = own.Standalone()
        cls.use(server, server.state_folder / 'keys')

    def test_rubbish(self) -> None:
        for content in (b'', b'rubbish', base64.b64encode(bytes(31))):
            self.file.write_bytes(content)
            self.refused('does not hold a key', 'restore')

    def test_group_readable(self) -> None:
        self.file.chmod(0o640)
        self.refused('0640', 'chmod 600')

    def test_symbolic_link(self) -> None:
        kept = self.server.state_folder / 'elsewhere'
        self.file.rename(kept)
        self.addCleanup(kept.rename, self.file)
        self.file.symlink_to(kept)
        self.refused('symbolic link')

    def test_folder(self) -> None:
        self.addCleanup(self.folder.chmod, 0o700)
        self.folder.chmod(0o755)
        line = refusal.of(self, self.server)
        self.assertIn(f'{self.folder}: open', line)
        self.assertIn('chmod 700', line)
        kept = self.folder.with_suffix('.kept')
        self.folder.rename(kept)
        self.addCleanup(kept.rename, self.folder)
        line = refusal.of(self, self.server)
        self.assertIn(f'{self.folder}: the directory', line)
        self.assertIn('missing', line)

    def test_changed_in_the_database(self) -> None:
        file = self.server.state_folder / 'secretstore.db'
        with contextlib.closing(sqlite3.connect(file)) as db:
            (good,) = db.execute('SELECT check_value FROM master_keys')
            statement = 'UPDATE master_keys SET check_value = ?'
            db.execute(statement, [good[0][:-1] + b'\0'])
            db.commit()
            self.refused('not the key', 'restore')
            db.execute(statement, good)
            db.commit()

    def test_right_again(self) -> None:
        self.file.chmod(0o644)
        refusal.of(self, self.server)
        self.file.chmod(0o600)
        with self.server:
            pass


class TestMasterKeyFileOfUwsgi(_MasterKeyFile, base.FunctionalTest):
    @classmethod
    def setUpClass(cls) -> None:
        url = cls().new_database('sqlite')
        server = own.SecretStore(url, processes=1)
        cls.use(server, server.key_folder)


class TestSchema(base.FunctionalTest):
    def test_empty(self) -> None:
        for kind in base.DATABASES:
            with self.subTest(kind):
                server = _server(self.new_database(kind))
                line = refusal.of(self, server)
                self.assertIn('empty', line)
                self.assertIn('secretstore-manage db upgrade', line)

    def test_another_release(self) -> None:
        url = self.new_database('sqlite')
        server = _server(url)
        server.prepare()
        file = url.removeprefix('sqlite:///')
        with contextlib.closing(sqlite3.connect(file)) as db:
            db.execute("UPDATE alembic_version SET version_num = '2020_old'")
            db.commit()
        line = refusal.of(self, server)
        self.assertIn('2020_old', line)
        self.assertIn('secretstore-manage db upgrade', line)
        with self.assertRaisesRegex(system.Error, ': 1\n.*2020_old'):
            server.manage('db', 'check')

    def test_manage(self) -> None:
        server = _server(self.new_database('sqlite'))
        self.assertIn('no schema', server.manage('db', 'version'))
        with self.assertRaisesRegex(system.Error, 'db upgrade'):
            server.manage('db', 'check')
        self.assertIn('an empty database ->', server.manage('db', 'upgrade'))
        version = server.manage('db', 'version').strip()
        self.assertIn(version, server.manage('db', 'upgrade'))
        self.assertIn('nothing to do', server.manage('db', 'check'))


class TestAtTheSameTime(base.FunctionalTest):
    def test_one_master_key(self) -> None:
        """Four upgrades, then four processes, on one empty database."""
        url = self.new_database('mariadb')
        first, second = own.SecretStore(url), own.SecretStore(url)
        second.options['proprietary'] = first.options['proprietary']
        for server in (first, second):
            uwsgi.write_options(server.config_file, server.options)
        self._upgrade(first, 4)
        for server in (first, second):
            self.addCleanup(server.stop)
            server.launch()
        for server in (first, second):
            system.wait_for('start', server.ready)
        self.assertEqual(1, len(list(first.key_folder.iterdir())))
        body = {'payload': 'hush', 'payload_content_type': 'text/plain'}
        headers = clients.noauth()
        for one, other in ((first, second), (second, first)):
            stored = web.call('POST', f'{one.url}/v1/secrets', body, headers)
            ref = stored.json()['secret_ref'].replace(one.url, other.url)
            read = web.call('GET', f'{ref}/payload', headers=headers)
            self.assertEqual((200, b'hush'), (read.status, read.body))

    def _upgrade(self, server: own.SecretStore, times: int) -> None:
        command = [
            own.program('secretstore-manage'),
            f'--config-file={server.config_file}',
            'db',
            'upgrade',
        ]
        running = [
            subprocess.Popen(
                command,
                env=server.env(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for _ in range(times)
        ]
        for upgrade in running:
            output, _ = upgrade.communicate(timeout=60)
            self.assertEqual(0, upgrade.returncode, output)


class TestImports(base.FunctionalTest):
    PROGRAM = (
        'import sys; import secretstore.wsgi.api; '
        'print("eventlet" in sys.modules)'
    )

    def test_no_eventlet(self) -> None:
        for strategy in ('noauth', 'keystone'):
            server = _server(self.new_database('sqlite'))
            server.options['DEFAULT']['auth_strategy'] = strategy
            server.options['keystone_authtoken'] = {
                'auth_type': 'v3token',
                'auth_url': 'http://127.0.0.1/',
                'token': 'none',
            }
            server.prepare()
            found = system.run(
                [sys.executable, '-W', 'ignore', '-c', self.PROGRAM],
                env=server.env(),
                cwd=server.folder,
            )
            self.assertEqual('False', found.splitlines()[-1], found)


def _server(url: str) -> own.SecretStore:
    """A configured server, its database left as it is."""
    server = own.SecretStore(url, processes=1)
    uwsgi.write_options(server.config_file, server.options)
    return server
