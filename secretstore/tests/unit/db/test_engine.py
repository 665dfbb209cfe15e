# SPDX-License-Identifier: Apache-2.0
"""Connections, transactions and what is tried again."""

import contextlib
import os
import sqlite3
import threading
import time
import unittest

from oslo_config import cfg
from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import event, exc

from secretstore import errors
from secretstore.db import migration, secrets
from secretstore.db.engine import Database, retried
from secretstore.tests.unit.db import base


class TestUrl(unittest.TestCase):
    def _refused(self, url: str, *, says: str) -> None:
        with self.assertRaisesRegex(errors.StartupError, says) as caught:
            Database(url)
        self.assertNotIn('hidden', str(caught.exception))

    def test_unusable(self) -> None:
        self._refused('not a URL hidden', says='not a database URL')
        self._refused('oracle://u:hidden@h/d', says='connection')
        self._refused('nonsense://u:hidden@h/d', says='nonsense')
        self._refused('sqlite://', says='needs a file')
        self._refused('sqlite:///:memory:', says='needs a file')
        self._refused('sqlite:///file:x?mode=memory&uri=true', says='a file')

    def test_from_conf(self) -> None:
        conf = cfg.ConfigOpts()
        conf([])
        with self.assertRaisesRegex(errors.StartupError, 'is not set'):
            Database.from_conf(conf)
        conf.set_override('connection', 'sqlite:////tmp/x.db', 'database')
        self.assertEqual('sqlite', Database.from_conf(conf).dialect)

    def test_nothing_is_opened_before_use(self) -> None:
        Database('sqlite:////no/such/folder/x.db')
        Database('mysql+pymysql://u@192.0.2.1/d').dispose()


class TestSQLite(base.DatabaseTest):
    def _pragma(self, conn: sa.Connection, name: str) -> object:
        return conn.exec_driver_sql(f'PRAGMA {name}').scalar()

    def test_settings(self) -> None:
        for use in (self.database.reading, self.database.writing):
            with use() as conn:
                self.assertEqual('wal', self._pragma(conn, 'journal_mode'))
                self.assertEqual(2, self._pragma(conn, 'synchronous'))
                self.assertEqual(1, self._pragma(conn, 'foreign_keys'))

    def test_readers_do_not_wait_for_a_writer(self) -> None:
        row = base.secret()
        with self.database.writing() as conn:
            secrets.insert(conn, row, None)
            self.assertEqual(0, self.total())
        self.assertEqual(1, self.total())

    def test_another_process_is_waited_for(self) -> None:
        path = self.url.removeprefix('sqlite:///')
        other = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        self.addCleanup(other.close)
        other.execute('BEGIN IMMEDIATE')
        timer = threading.Timer(0.3, other.execute, ('COMMIT',))
        timer.start()
        self.addCleanup(timer.join)
        self.store(base.secret())
        self.assertEqual(1, self.total())

    def test_writers_that_begin_by_reading(self) -> None:
        row = base.secret()
        self.store(row)

        def read_then_write(number: int) -> None:
            with self.database.writing() as conn:
                secrets.get(conn, row.id, base.NOW)
                time.sleep(0.001)
                secrets.insert(conn, base.secret(), None)

        self.assertEqual([None] * 16, self.together(16, read_then_write))

    def test_forked_child_opens_its_own(self) -> None:
        with self.database.reading() as conn:
            mine = id(conn.connection.dbapi_connection)
        child = os.fork()
        if not child:
            with self.database.reading() as conn:
                own = id(conn.connection.dbapi_connection)
            self.store(base.secret())
            os._exit(7 if own != mine else 1)
        self.assertEqual(7, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        self.assertEqual(1, self.total())

    def test_connections_are_kept(self) -> None:
        seen = set()
        for _ in range(5):
            with self.database.reading() as conn:
                seen.add(id(conn.connection.dbapi_connection))
        self.assertEqual(1, len(seen))
        self.database.dispose()

    def test_every_thread_finds_a_connection_that_was_kept(self) -> None:
        opened = []
        database = Database(self.url)
        self.addCleanup(database.dispose)
        engine = database._own().reading
        event.listen(engine, 'connect', lambda *_: opened.append(1))
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                for _ in range(16):
                    stack.enter_context(database.reading())
        self.assertEqual(16, len(opened))

    def test_errors_do_not_show_what_is_stored(self) -> None:
        row = base.secret(name='the-name-of-it')
        self.store(row)
        with self.assertRaises(db_exc.DBDuplicateEntry) as caught:
            self.store(row)
        self.assertNotIn('the-name-of-it', str(caught.exception))

    def test_file_that_cannot_be_opened(self) -> None:
        with self.assertRaises(errors.DatabaseUnavailable) as caught:
            migration.version('sqlite:////no/such/folder/hidden.db')
        self.assertNotIn('hidden', str(caught.exception))

    def test_file_that_is_no_database(self) -> None:
        path = self.url.removeprefix('sqlite:///') + '.text'
        with open(path, 'w') as file:
            file.write('This is not a database.' * 100)
        with self.assertRaises(db_exc.DBError):
            migration.version(f'sqlite:///{path}')


class TestRetried(unittest.TestCase):
    def _run(self, *errors_first: Exception) -> tuple[object, int]:
        """The outcome and the number of attempts."""
        remaining = list(errors_first)
        attempts = 0

        @retried
        def operation(value: int) -> int:
            nonlocal attempts
            attempts += 1
            if remaining:
                raise remaining.pop(0)
            return value

        try:
            return operation(5), attempts
        except Exception as error:
            return error, attempts

    def test_first_success(self) -> None:
        self.assertEqual((5, 1), self._run())

    def test_recovers(self) -> None:
        for error in (db_exc.DBDeadlock(), db_exc.DBConnectionError()):
            self.assertEqual((5, 3), self._run(error, error))

    def test_second_attempt_comes_at_once(self) -> None:
        start = time.monotonic()
        self._run(db_exc.DBConnectionError())
        self.assertLess(time.monotonic() - start, 0.04)

    def test_gives_up(self) -> None:
        start = time.monotonic()
        error, attempts = self._run(*[db_exc.DBDeadlock('inner')] * 100)
        self.assertLess(time.monotonic() - start, 2.5)
        self.assertIsInstance(error, errors.DatabaseUnavailable)
        self.assertNotIn('inner', str(error))
        self.assertGreater(attempts, 4)

    def test_not_worth_another_try(self) -> None:
        for error in (
            exc.TimeoutError('pool'),
            exc.OperationalError('SELECT', None, Exception('full')),
        ):
            found, attempts = self._run(error)
            self.assertIsInstance(found, errors.DatabaseUnavailable)
            self.assertEqual(1, attempts)

    def test_other_errors_pass(self) -> None:
        for error in (
            db_exc.DBDuplicateEntry(),
            errors.NotFound('x'),
            KeyError('x'),
        ):
            self.assertEqual((error, 1), self._run(error))
