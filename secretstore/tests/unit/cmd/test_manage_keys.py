# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import sqlite3
import subprocess
import uuid

from oslo_config import cfg
from oslo_utils import timeutils
import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import rewrapping, service
from secretstore.crypto import aead
from secretstore.db import migration, secret_stores
from secretstore.db.engine import Database
from secretstore.keys import memory
from secretstore.security import proprietary
from secretstore.tests.unit.cmd.base import CommandTest
from secretstore.tests.unit.conductor import base

# The same strategy under another name.
OTHER = 'secretstore.security.proprietary.SecurityWorkflow'


class Closed(proprietary.SecurityWorkflow):
    """A custodian that is away, or has no keys, while a file says so."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        keys = Path(conf.proprietary.crypt_key_dir)
        self._closed = keys.with_name('closed')
        self._locked = keys.with_name('locked')

    def _master_key(self, reference: str) -> aead.Aead:
        self.check()
        if self._locked.exists():
            raise errors.MasterKeyUnavailable('The vault is locked')
        return super()._master_key(reference)

    def check(self) -> None:
        if self._closed.exists():
            raise errors.MasterKeyUnavailable('The vault is closed')


# Somebody is always faster with a new key of this project.
OVERTAKEN = """
CREATE TRIGGER overtaken BEFORE INSERT ON project_keys
WHEN NEW.project_id = 'p2'
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: project_keys.in_use'); END
"""
CLOSED = f'{__name__}.Closed'


class KeysTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.url = f'sqlite:///{self.folder}/secretstore.db'
        self.file.write_text(
            self.file.read_text().replace(
                '[DEFAULT]',
                f'[DEFAULT]\nenabled_security_strategies = {OTHER}, {CLOSED}',
            )
            + '[conductor]\nkey_cache_ttl = 0\n'
        )
        migration.upgrade(self.url)
        self.conf = base.make_conf(
            self.folder,
            enabled_security_strategies=[OTHER, CLOSED],
            conductor__key_cache_ttl=0,
        )
        self.database = database = Database(self.url)
        self.addCleanup(database.dispose)
        self.keys = service.key_hierarchy(self.conf, database)
        self.keys.start()
        self.sealed = self.keys.seal('p1', b'payload', b'row')
        self.rewrapping = rewrapping.Rewrapping(database, self.keys, self.conf)

    def run_key(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run_command('manage', 'master-key', *arguments)

    def rewrap(self) -> None:
        while self.rewrapping.run() is not None:
            continue

    def ids(self) -> list[str]:
        with sqlite3.connect(self.folder / 'secretstore.db') as database:
            found = database.execute(
                'SELECT id FROM master_keys ORDER BY rowid'
            )
            return [key_id for (key_id,) in found]


class MasterKeyTest(KeysTest):
    def test_rotate(self) -> None:
        done = self.run_key('rotate')
        old, new = self.ids()
        self.assert_ends(
            0, done, f'{new} is in use', '1 project keys will be rewrapped'
        )
        done = self.run_key('status')
        self.assert_ends(
            0,
            done,
            'guarded by proprietary',
            f'{old}  replaced   proprietary: 1 project keys',
            f'{new}  in_use     proprietary: 0 project keys',
            '1 project keys are to be rewrapped',
        )
        self.rewrap()
        done = self.run_key('retire', old)
        self.assert_ends(0, done, f'{old} is retired', 'after 0 s')
        self.rewrap()
        done = self.run_key('list')
        self.assert_ends(0, done, f'{old}  destroyed', f'{new}  in_use')
        done = self.run_key('status')
        self.assert_ends(
            0, done, f'{new}  in_use     proprietary: 1', '0 project keys are'
        )
        self.assertNotIn(old, done.stdout)
        self.assertEqual(1, len(list((self.folder / 'keys').iterdir())))
        self.assertEqual(
            b'payload', self.keys.open('p1', self.sealed.record, b'row')
        )

    def test_named_keys_that_strategies_keep(self) -> None:
        self.assertNotIn('named keys', self.run_key('status').stdout)
        with sqlite3.connect(self.folder / 'secretstore.db') as database:
            database.executemany(
                'INSERT INTO named_keys (id, project_id, kind, object_id, '
                'title, strategy, reference, created_at) VALUES '
                "(?, 'p', 'backup', ?, '', ?, 'r', '2026-01-01')",
                [('1', '1', OTHER), ('2', '2', 'gone'), ('3', '3', 'gone')],
            )
        done = self.run_key('status')
        self.assert_ends(
            0,
            done,
            'gone keeps 2 named keys itself, and is not enabled here.',
            f'{OTHER} keeps 1 named keys itself.',
        )

    def test_migrate(self) -> None:
        done = self.run_key('migrate', '--to', OTHER)
        self.assert_ends(
            0,
            done,
            f'in use: strategy {OTHER}',
            '1 project keys will be rewrapped',
            f'Set security_strategy = {OTHER}',
        )
        self.rewrap()
        done = self.run_key('status')
        self.assert_ends(0, done, f'guarded by {OTHER}', f'{OTHER}: 1 project')

    def test_refused(self) -> None:
        for arguments, words in (
            (('migrate', '--to', 'pkcs11'), 'enabled_security_strategies'),
            (('retire', *self.ids()), '1 project keys'),
        ):
            with self.subTest(arguments):
                done = self.run_key(*arguments)
                self.assert_ends(1, done, words)
                self.assertEqual(1, len(done.stderr.splitlines()))
        self.assertEqual(1, len(self.ids()))

    def test_custodian_away(self) -> None:
        (self.folder / 'keys').chmod(0o755)
        done = self.run_key('rotate')
        self.assert_ends(1, done, 'chmod 700')


class ProjectKeyTest(KeysTest):
    def run_project(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run_command('manage', 'project-key', *arguments)

    def in_use(self) -> dict[str, str]:
        with sqlite3.connect(self.folder / 'secretstore.db') as database:
            return dict(
                database.execute(
                    'SELECT project_id, id FROM project_keys WHERE in_use'
                ).fetchall()
            )

    def test_rotate(self) -> None:
        self.keys.seal('p2', b'payload', b'row')
        before = self.in_use()
        self.assert_ends(
            0, self.run_project('rotate', 'p1'), '1 projects', 'within 0 s'
        )
        between = self.in_use()
        self.assertNotEqual(before['p1'], between['p1'])
        self.assertEqual(before['p2'], between['p2'])
        self.assert_ends(0, self.run_project('rotate', '--all'), '2 projects')
        after = self.in_use()
        self.assertEqual(set(), {*between.values()} & {*after.values()})
        done = self.run_key('status')
        self.assert_ends(0, done, '3 project keys were replaced; 0 secrets')

    def prefer_closed(self, project_id: str) -> None:
        now = timeutils.utcnow()
        store = secret_stores.SecretStoreRow(
            str(uuid.uuid4()), CLOSED, now, now
        )
        with self.database.writing() as connection:
            secret_stores.add(connection, store)
            secret_stores.prefer(connection, project_id, store.id)

    def test_all_but_those_that_cannot(self) -> None:
        self.prefer_closed('p2')
        for project in ('p2', 'p3', 'p4'):
            self.keys.seal(project, b'payload', b'row')
        (self.folder / 'closed').touch()
        before = self.in_use()
        done = self.run_project('rotate', '--all')
        self.assert_ends(
            1, done, 'Project p2: The vault is closed', '1 projects still'
        )
        between = self.in_use()
        self.assertEqual(
            {('p2', before['p2'])}, {*before.items()} & {*between.items()}
        )

        (self.folder / 'closed').unlink()
        began = done.stdout.split('Keys made before ')[1].split()[0]
        done = self.run_project('rotate', '--all', '--before', began)
        self.assert_ends(0, done, '1 projects')
        self.assertEqual(
            {}, dict({*before.items()} & {*self.in_use().items()})
        )

    def test_all_but_those_whose_master_key_cannot_be_had(self) -> None:
        self.prefer_closed('p2')
        self.keys.seal('p2', b'payload', b'row')
        (self.folder / 'locked').touch()
        done = self.run_project('rotate', '--all')
        self.assert_ends(
            1, done, '1 projects have a new key', 'p2: The vault is locked'
        )

    def test_all_but_one_that_others_change(self) -> None:
        for project in ('p2', 'p3'):
            self.keys.seal(project, b'payload', b'row')
        with self.database.writing() as connection:
            connection.execute(sa.text(OVERTAKEN))
        done = self.run_project('rotate', '--all')
        self.assert_ends(
            1, done, '2 projects have a new key', 'p2 are being changed'
        )

    def test_all_again_makes_no_more_keys(self) -> None:
        """A repetition with the time that the first run printed."""
        self.keys.seal('p2', b'payload', b'row')
        done = self.run_project('rotate', '--all')
        between = self.in_use()
        began = done.stdout.split('Keys made before ')[1].split()[0]
        again = self.run_project('rotate', '--all', '--before', began)
        self.assert_ends(0, again, '0 projects')
        self.assertEqual(between, self.in_use())

    def test_lower_wait(self) -> None:
        memory.KeyMemory(Database(self.url), 3000).tell()
        self.assert_ends(
            0, self.run_project('rotate', 'p1'), 'use within 3000 s'
        )
        done = self.run_project('lower-wait')
        self.assert_ends(0, done, 'for 0 s')
        self.assert_ends(0, self.run_project('rotate', 'p1'), 'within 0 s')

    def test_refused(self) -> None:
        for arguments, status, words in (
            ((), 1, 'Give the id of a project, or --all'),
            (('p1', '--before', '2026-01-01'), 1, '--before is for --all'),
            (('--all', '--before', 'yesterday'), 2, 'invalid'),
        ):
            with self.subTest(arguments):
                done = self.run_project('rotate', *arguments)
                self.assert_ends(status, done, words)
