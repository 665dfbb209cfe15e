# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import tempfile
import threading
import unittest

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import service
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.keys.memory import KeyMemory
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import context, text_secret

ME = context('member')


class StartTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.conf = base.make_conf(self.folder)

    def assert_refused(self, *words: str) -> None:
        with self.assertRaises(errors.StartupError) as caught:
            service.build(self.conf)
        for word in words:
            self.assertIn(word, caught.exception.message)
        self.assertNotIn('\n', caught.exception.message)

    def upgrade(self) -> Database:
        database = Database.from_conf(self.conf)
        self.addCleanup(database.dispose)
        migration.upgrade(database)
        return database

    def test_an_empty_database(self) -> None:
        self.assert_refused('secretstore-manage db upgrade')
        self.assertFalse((self.folder / 'keys').exists())

    def test_it_tells_for_how_long_it_keeps_keys(self) -> None:
        database = self.upgrade()
        for ttl, longest in ((60, 60), (600, 600), (60, 600)):
            self.conf.set_override('key_cache_ttl', ttl, 'conductor')
            service.build(self.conf)
            self.assertEqual(longest, KeyMemory(database, 0).longest())

    def test_keys_open_to_others(self) -> None:
        self.upgrade()
        service.build(self.conf)
        (self.folder / 'keys').chmod(0o755)
        self.assert_refused('keys', 'chmod')

    def test_a_key_that_is_gone(self) -> None:
        self.upgrade()
        service.build(self.conf)
        (key,) = (self.folder / 'keys').iterdir()
        key.unlink()
        self.assert_refused(key.name, 'missing')

    def test_an_unknown_strategy(self) -> None:
        self.upgrade()
        self.conf.set_override('security_strategy', 'nope')
        self.assert_refused('security_strategy = nope')

    def test_a_second_start_reads_what_the_first_has_stored(self) -> None:
        self.upgrade()
        first = service.build(self.conf).conductor
        secret_id = first.secrets.create(ME, text_secret(b'x'))
        second = service.build(self.conf).conductor
        self.assertEqual(b'x', second.secrets.payload(ME, secret_id).data)

    def test_starts_at_the_same_time_make_one_master_key(self) -> None:
        database = self.upgrade()
        failures: list[Exception] = []
        barrier = threading.Barrier(4)

        def start() -> None:
            barrier.wait()
            try:
                service.build(self.conf)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        with database.reading() as connection:
            count = connection.execute(
                sa.text('SELECT count(*) FROM master_keys')
            ).scalar()
        self.assertEqual(1, count)
        self.assertEqual(1, len([*(self.folder / 'keys').iterdir()]))

    def test_health(self) -> None:
        self.upgrade()
        health = service.build(self.conf).conductor.health
        health.check()
        keys = self.folder / 'keys'
        keys.rename(self.folder / 'away')
        self.assertRaises(errors.SecretStoreError, health.check)
        (self.folder / 'away').rename(keys)
        health.check()
