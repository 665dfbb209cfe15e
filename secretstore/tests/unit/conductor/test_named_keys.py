# SPDX-License-Identifier: Apache-2.0
"""Keys by name, made once and delivered ever after."""

from collections.abc import Callable
from concurrent import futures
import threading
from typing import Any, ClassVar
import uuid

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import service
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.named_keys import (
    BackupKeyManager,
    ReplicationUserKeyManager,
)
from secretstore.conductor.purge import Purge
from secretstore.tests.unit.conductor.base import (
    OTHER_PROJECT,
    OTHER_USER,
    ConductorTest,
    context,
)

ME = context()
STRANGER = context(project_id=OTHER_PROJECT, user_id=OTHER_USER)
NO_SUCH = '0' * 36


def backup_id() -> str:
    return str(uuid.uuid4())


class NamedKeysTest(ConductorTest):
    def setUp(self) -> None:
        super().setUp()
        self.backups = self.conductor.backup_keys
        self.users = self.conductor.replication_user_keys
        self.new_id = backup_id()

    def rows(self) -> list[Any]:
        with self.database.reading() as connection:
            return list(
                connection.execute(
                    sa.text('SELECT * FROM named_keys WHERE object_id = :id'),
                    {'id': self.new_id},
                )
            )

    def test_made_once(self) -> None:
        made = self.backups.get_or_create(ME, self.new_id, 'nightly')
        self.assertTrue(made['is_new'])
        self.assertRegex(made['key'], '^[0-9a-f]{64}$')
        self.assertEqual(
            (self.new_id, 'nightly', 'aes', 'cbc', 256),
            (
                made['object_id'],
                made['title'],
                made['algorithm'],
                made['mode'],
                made['bit_length'],
            ),
        )
        again = self.backups.get_or_create(ME, self.new_id, 'renamed')
        self.assertEqual({**made, 'is_new': False}, again)
        self.assertEqual(again, self.backups.get(ME, self.new_id))

    def test_each_name_has_its_own(self) -> None:
        keys = {
            self.backups.get_or_create(ME, self.new_id, '')['key'],
            self.backups.get_or_create(ME, self.new_id.upper(), '')['key'],
            self.backups.get_or_create(STRANGER, self.new_id, '')['key'],
            self.users.get_or_create(ME, self.new_id)['key'],
        }
        self.assertEqual(4, len(keys))

    def test_none_yet(self) -> None:
        for keys in (self.backups, self.users):
            with self.assertRaises(errors.NotFound):
                keys.get(ME, NO_SUCH)
            with self.assertRaises(errors.NotFound):
                keys.delete(ME, NO_SUCH)

    def test_of_others(self) -> None:
        self.backups.get_or_create(ME, self.new_id, '')
        with self.assertRaises(errors.NotFound):
            self.backups.get(STRANGER, self.new_id)
        with self.assertRaises(errors.NotFound):
            self.backups.delete(STRANGER, self.new_id)
        self.backups.get(ME, self.new_id)

    def test_readers_get_none(self) -> None:
        self.backups.get_or_create(ME, self.new_id, '')
        reader = context('reader')
        for call in (
            lambda: self.backups.get(reader, self.new_id),
            lambda: self.backups.get_or_create(reader, self.new_id, ''),
            lambda: self.backups.delete(reader, self.new_id),
            lambda: self.users.get(reader, self.new_id),
            lambda: self.users.get_or_create(reader, self.new_id),
            lambda: self.users.delete(reader, self.new_id),
        ):
            with self.assertRaises(errors.Forbidden):
                call()

    def test_deleted(self) -> None:
        first = self.users.get_or_create(ME, self.new_id)
        self.users.delete(ME, self.new_id)
        with self.assertRaises(errors.NotFound):
            self.users.get(ME, self.new_id)
        self.assertEqual([], self.rows())
        second = self.users.get_or_create(ME, self.new_id)
        self.assertTrue(second['is_new'])
        self.assertNotEqual(first['key'], second['key'])

    def test_what_is_stored(self) -> None:
        made = self.backups.get_or_create(ME, self.new_id, '')
        (row,) = self.rows()
        self.assertEqual('proprietary', row.strategy)
        self.assertIsNone(row.reference)
        # Of a sealed key there is nothing but its length to see.
        self.assertEqual(77 + 28 + 64, len(row.envelope))
        self.assertNotIn(made['key'].encode(), row.envelope)

    def test_a_key_that_was_moved_to_another_name(self) -> None:
        self.backups.get_or_create(ME, self.new_id, '')
        other = backup_id()
        self.backups.get_or_create(ME, other, '')
        with self.database.writing() as connection:
            connection.execute(
                sa.text(
                    'UPDATE named_keys SET envelope = (SELECT envelope FROM '
                    'named_keys AS o WHERE o.object_id = :other) '
                    'WHERE object_id = :id'
                ),
                {'id': self.new_id, 'other': other},
            )
        with self.assertRaises(errors.Corrupt):
            self.backups.get(ME, self.new_id)

    def test_eight_conductors_make_one_key(self) -> None:
        conductors = [service.build(self.conf).conductor for _ in range(8)]
        start = threading.Barrier(8)

        def work(number: int) -> str:
            keys = conductors[number].backup_keys
            start.wait(30)
            return keys.get_or_create(ME, self.new_id, '')['key']

        with futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(1, len(set(pool.map(work, range(8)))))

    def test_they_are_no_secrets(self) -> None:
        self.backups.get_or_create(ME, self.new_id, 'nightly')
        (row,) = self.rows()
        for found in (row.id, self.new_id):
            with self.assertRaises(errors.NotFound):
                self.conductor.secrets.get(ME, found)

    def test_they_go_with_their_project(self) -> None:
        project = uuid.uuid4().hex
        theirs = context(project_id=project)
        self.backups.get_or_create(theirs, self.new_id, '')
        removed = Purge(self.database, 10).purge(project)
        self.assertEqual(1, removed['named keys'])
        self.assertEqual([], self.rows())


class PasswordTest(ConductorTest):
    """Passwords in the configuration, as Trove had them."""

    overrides: ClassVar[dict[str, Any]] = {
        'proprietary__backup_password': 'backup!',
        'proprietary__replication_password': 'replication!',
    }

    def manager(
        self, build: Callable[..., Any], **passwords: str | None
    ) -> Any:
        """One of a conductor that has other passwords."""
        for name, password in passwords.items():
            self.conf.set_override(name, password, 'proprietary')
            self.addCleanup(
                self.conf.set_override,
                name,
                self.overrides[f'proprietary__{name}'],
                'proprietary',
            )
        keys = service.key_hierarchy(self.conf, self.database)
        keys.start()
        return build(self.database, keys, Authorization(self.conf), 100)

    def test_delivered_as_they_are(self) -> None:
        for _ in range(2):
            backup = self.conductor.backup_keys.get_or_create(
                ME, backup_id(), ''
            )
            self.assertEqual('backup!', backup['key'])
            self.assertIsNone(backup['algorithm'])
            self.assertIsNone(backup['bit_length'])
        user = self.conductor.replication_user_keys.get_or_create(
            ME, backup_id()
        )
        self.assertEqual('replication!', user['key'])

    def test_what_was_delivered_stays(self) -> None:
        """A backup must be readable when the password is another."""
        one, two = backup_id(), backup_id()
        self.conductor.backup_keys.get_or_create(ME, one, '')
        changed = self.manager(BackupKeyManager, backup_password='changed!')
        self.assertEqual('backup!', changed.get(ME, one)['key'])
        self.assertEqual('backup!', changed.get_or_create(ME, one, '')['key'])
        self.assertEqual('changed!', changed.get_or_create(ME, two, '')['key'])

    def test_without_one(self) -> None:
        without = self.manager(
            ReplicationUserKeyManager, replication_password=None
        )
        keys = {
            without.get_or_create(ME, backup_id())['key'] for _ in range(2)
        }
        self.assertEqual(2, len(keys))
        for key in keys:
            self.assertRegex(key, '^[0-9a-f]{64}$')

    def test_what_openssl_would_not_take(self) -> None:
        for password in ('', ' ', 'a b', 'a\n', 'ä', '\t', 'x' * 513):
            with (
                self.subTest(password),
                self.assertRaises(errors.StartupError) as caught,
            ):
                self.manager(BackupKeyManager, backup_password=password)
            self.assertIn('backup_password', caught.exception.message)
            if password.strip():
                self.assertNotIn(password, caught.exception.message)


class LimitTest(ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {'limits__named_keys_per_project': 2}

    def test_one_more_than_there_may_be(self) -> None:
        backups = self.conductor.backup_keys
        kept = [backups.get_or_create(ME, f'b{n}', '') for n in range(2)]
        for name in ('b2', 'b3'):
            with self.assertRaises(errors.QuotaReached):
                backups.get_or_create(ME, name, '')
            with self.assertRaises(errors.NotFound):
                backups.get(ME, name)
        # What there is stays, and others have their own count.
        for key in kept:
            again = backups.get_or_create(ME, key['object_id'], '')
            self.assertEqual(key['key'], again['key'])
        backups.get_or_create(STRANGER, 'b2', '')
        self.conductor.replication_user_keys.get_or_create(ME, 'b2')
        backups.delete(ME, 'b0')
        self.assertTrue(backups.get_or_create(ME, 'b2', '')['is_new'])
