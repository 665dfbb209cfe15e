# SPDX-License-Identifier: Apache-2.0
"""What every security strategy must do of keys that are asked for by name.

Conductors deliver them: their store of named keys, on a real database, is
what a strategy gets.
"""

from collections.abc import Callable, Mapping
from concurrent import futures
import math
import pathlib
import tempfile
import threading
import typing
import unittest

from secretstore import errors
from secretstore.conductor.named_key_lists import NamedKeyLists
from secretstore.conductor.named_key_store import NamedKeyStore
from secretstore.db import migration, named_keys
from secretstore.db.engine import Database
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.security import delivery, workflow
from secretstore.tests.functional.services import system

NAME = 'contract'
PROJECT = 'a' * 32
OTHER_PROJECT = 'b' * 32
# A pass phrase of openssl ends at white space in some places, and at a line
# end everywhere.
TEXT = '[!-~]{1,512}'
SHORT = delivery.KeySpec('aes', 'cbc', 128)

if typing.TYPE_CHECKING:
    _Base = unittest.TestCase
else:
    _Base = object


class Conductor:
    """What delivers keys, in a process of its own as far as it knows."""

    def __init__(
        self, database: Database, strategy: workflow.BaseSecurityWorkflow
    ) -> None:
        self.database = database
        self.strategy = strategy
        self.hierarchy = KeyHierarchy(
            database, {NAME: strategy}, NAME, cache_ttl=300, cache_size=100
        )
        self.hierarchy.start()
        self.store = NamedKeyStore(
            database, self.hierarchy, NamedKeyLists(database, 1000)
        )

    def keys(self, project: str = PROJECT) -> delivery.NamedKeys:
        return self.store.of_project(project, NAME)


Way = Callable[[Conductor, str, str], delivery.Key]


def backup(by: Conductor, project: str, name: str) -> delivery.Key:
    keys = by.keys(project)
    return by.strategy.get_backup_encryption_key(keys, name, 'nightly')


def replication_user(by: Conductor, project: str, name: str) -> delivery.Key:
    return by.strategy.get_replication_user_key(by.keys(project), name)


def generated(
    by: Conductor,
    project: str,
    name: str,
    spec: delivery.KeySpec = delivery.AES_256_CBC,
) -> delivery.Key:
    called = delivery.KeyName('backup', f'generated-{name}', '')
    return by.strategy._get_or_create_key(by.keys(project), called, spec)


WAYS: Mapping[str, Way] = {
    'backup': backup,
    'replication user': replication_user,
    'any': generated,
}


class DeliveryContract(_Base):
    """A mixin for TestCase; ``build`` is all that it needs."""

    def build(self) -> workflow.BaseSecurityWorkflow:
        """A new, not yet started strategy on always the same custodian."""
        raise NotImplementedError

    def database(self) -> Database:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        url = f'sqlite:///{pathlib.Path(folder.name)}/secretstore.db'
        migration.upgrade(url)
        database = Database(url)
        self.addCleanup(database.dispose)
        return database

    def conductors(self, count: int = 1) -> list[Conductor]:
        """Several with one database."""
        database = self.database()
        return [self.conductor(database) for _ in range(count)]

    def conductor(self, database: Database) -> Conductor:
        conductor = Conductor(database, self.build())
        self.addCleanup(conductor.hierarchy.stop)
        return conductor

    def test_delivered_again(self) -> None:
        here, there = self.conductors(2)
        for what, deliver in WAYS.items():
            with self.subTest(what):
                made = deliver(here, PROJECT, 'one')
                self.assertTrue(made.is_new)
                again = made._replace(is_new=False)
                self.assertEqual(again, deliver(here, PROJECT, 'one'))
                self.assertEqual(again, deliver(there, PROJECT, 'one'))
                name = made.name
                found = there.store.find(PROJECT, name.kind, name.object_id)
                self.assertEqual(again, found)

    def test_delivered_again_after_a_restart(self) -> None:
        database = self.database()
        before = Conductor(database, self.build())
        made = backup(before, PROJECT, 'one')
        before.hierarchy.stop()
        after = self.conductor(database)
        self.assertEqual(made.text, backup(after, PROJECT, 'one').text)

    def test_delivered_to_16_threads_at_once(self) -> None:
        conductors = self.conductors(2)
        for what, deliver in WAYS.items():
            start = threading.Barrier(16)

            def work(
                number: int,
                deliver: Way = deliver,
                start: threading.Barrier = start,
            ) -> delivery.Key:
                start.wait(30)
                return deliver(conductors[number % 2], PROJECT, 'one')

            with futures.ThreadPoolExecutor(16) as pool:
                found = list(pool.map(work, range(16)))
            with self.subTest(what):
                self.assertEqual(1, len({key.text for key in found}))
                self.assertEqual(1, sum(key.is_new for key in found))

    def test_each_name_has_a_key_of_its_own(self) -> None:
        (conductor,) = self.conductors()
        found = [
            deliver(conductor, project, name).text
            for deliver in WAYS.values()
            for project in (PROJECT, OTHER_PROJECT)
            for name in ('one', 'One', 'two')
        ]
        self.assertEqual(len(found), len(set(found)))

    def test_the_name_of_a_backup_tells_no_two_apart(self) -> None:
        (conductor,) = self.conductors()
        first, second = (
            conductor.strategy.get_backup_encryption_key(
                conductor.keys(), 'one', title
            )
            for title in ('nightly', 'Größe 1 ' * 30)
        )
        self.assertEqual(first.text, second.text)
        self.assertEqual('nightly', second.name.title)

    def test_delivered_text(self) -> None:
        (conductor,) = self.conductors()
        for what, deliver in WAYS.items():
            with self.subTest(what):
                key = deliver(conductor, PROJECT, 'one')
                self.assert_is_pass_phrase(key, delivery.AES_256_CBC)

    def test_delivered_lengths(self) -> None:
        (conductor,) = self.conductors()
        key = generated(conductor, PROJECT, 'short', SHORT)
        self.assert_is_pass_phrase(key, SHORT)

    def assert_is_pass_phrase(
        self, key: delivery.Key, asked: delivery.KeySpec
    ) -> None:
        """Which has as many bits as were asked for, and openssl takes."""
        self.assertEqual(asked, key.spec)
        self.assertRegex(key.text, f'^{TEXT}\\Z')
        bits = len(key.text) * math.log2(94)
        self.assertGreaterEqual(bits, asked.bit_length)
        sealed = self.openssl('plain', key.text, '-e')
        self.assertNotEqual('plain', sealed)
        self.assertEqual('plain', self.openssl(sealed, key.text, '-d'))

    def openssl(self, text: str, key: str, *how: str) -> str:
        """As Trove calls it; base64 in place of bytes."""
        with tempfile.NamedTemporaryFile('w') as file:
            file.write(key)
            file.flush()
            words = ['enc', '-aes-256-cbc', '-md', 'sha512', '-pbkdf2', '-a']
            words += ['-pass', f'file:{file.name}', *how]
            openssl = system.find('openssl', 'openssl')
            return system.run([openssl, *words], text=text)

    def test_delivered_key_is_deleted(self) -> None:
        here, there = self.conductors(2)
        for what, deliver in WAYS.items():
            with self.subTest(what):
                made = deliver(here, PROJECT, 'one')
                kind, object_id, _ = made.name
                reference = self.reference_of(here, made)
                here.store.delete(PROJECT, kind, object_id)
                for each in (here, there):
                    with self.assertRaises(errors.NotFound):
                        each.store.find(PROJECT, kind, object_id)
                self.assert_gone(there, reference)
                other = deliver(there, PROJECT, 'one')
                self.assertTrue(other.is_new)
                self.assertNotEqual(made.text, other.text)
                self.assertEqual(
                    other.text, deliver(here, PROJECT, 'one').text
                )

    def reference_of(self, by: Conductor, key: delivery.Key) -> str | None:
        """By which the strategy knows it; None: secretstore keeps it."""
        kind, object_id, _ = key.name
        with by.database.reading() as connection:
            row = named_keys.get(connection, PROJECT, kind, object_id)
        assert row is not None
        self.assertEqual(NAME, row.strategy)
        return row.reference

    def assert_gone(self, by: Conductor, reference: str | None) -> None:
        with self.assertRaises(errors.MasterKeyNotFound):
            by.strategy.read_named_key(reference or 'none')
        if reference is not None:
            # One that is gone is fine.
            by.strategy.delete_named_key(reference)
