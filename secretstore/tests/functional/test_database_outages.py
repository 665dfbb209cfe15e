# SPDX-License-Identifier: Apache-2.0
"""The database goes away, comes back, or turns read-only."""

from collections.abc import Callable
import contextlib
import threading
import time

import sqlalchemy as sa

from secretstore import errors
from secretstore.db import migration, secrets
from secretstore.db.engine import Database, retried
from secretstore.tests.functional import base as functional
from secretstore.tests.functional import services
from secretstore.tests.functional.services import mariadbd, postgres, system
from secretstore.tests.unit.db import base


class _Outages(functional.FunctionalTest):
    """A service goes on by itself once its database is back."""

    def _database(self, server: services.Database) -> Database:
        server.create_database('outages')
        database = Database(server.url('outages'))
        self.addCleanup(database.dispose)
        migration.upgrade(database)
        return database

    def _store(self, database: Database) -> Callable[[], None]:
        @retried
        def store() -> None:
            with database.writing() as conn:
                secrets.insert(conn, base.secret(), None)

        return store

    def _total(self, database: Database) -> Callable[[], int]:
        @retried
        def total() -> int:
            with database.reading() as conn:
                return secrets.page(
                    conn,
                    base.PROJECT,
                    secrets.Filters(),
                    secrets.Page(1),
                    base.NOW,
                )[1]

        return total

    def _away_and_back(self, server: services.Database) -> None:
        database = self._database(server)
        store, total = self._store(database), self._total(database)
        store()
        self.assertEqual(1, total())
        server.kill()
        for call in (store, total):
            start = time.monotonic()
            with self.assertRaises(errors.DatabaseUnavailable) as caught:
                call()
            self.assertLess(time.monotonic() - start, 4)
            self.assertNotIn('127.0.0.1', str(caught.exception))
        server.start()
        store()
        self.assertEqual(2, total())

    def _restarted_unnoticed(self, server: services.Database) -> None:
        """Pooled connections are dead, and no call fails."""
        database = self._database(server)
        store, total = self._store(database), self._total(database)
        store()
        total()
        for stop in (server.stop, server.kill):
            stop()
            server.start()
            start = time.monotonic()
            store()
            total()
            self.assertLess(time.monotonic() - start, 1)
        self.assertEqual(3, total())

    def _ended_sessions(
        self, server: services.Database, end: Callable[[], None]
    ) -> None:
        """Sessions are ended all the time while many threads store."""
        database = self._database(server)
        store = self._store(database)
        outcome: list[Exception] = []

        def work() -> None:
            try:
                for _ in range(30):
                    store()
            except Exception as error:
                outcome.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            end()
        self.assertEqual([], outcome)
        # A COMMIT whose answer was lost is done again with another id.
        self.assertGreaterEqual(self._total(database)(), 120)


class TestOutagesOfMariaDB(_Outages):
    def test_away_and_back(self) -> None:
        with mariadbd.MariaDB() as server:
            self._away_and_back(server)
            self._restarted_unnoticed(server)

    def test_ended_sessions(self) -> None:
        server = services.mariadb()

        def end() -> None:
            found = server.sql(
                'SELECT id FROM information_schema.processlist '
                "WHERE db = 'outages'"
            ).split()
            for session in found[:1]:
                with contextlib.suppress(system.Error):
                    server.sql(f'KILL {session}')

        self._ended_sessions(server, end)

    def test_read_only(self) -> None:
        """After a fail-over the old connections lead to a replica."""
        with mariadbd.MariaDB() as server:
            database = self._database(server)
            database.dispose()
            server.sql(
                "GRANT ALL ON outages.* TO service@'127.0.0.1' "
                "IDENTIFIED BY 'throw-away'"
            )
            url = sa.make_url(server.url('outages')).set(username='service')
            database = Database(url.render_as_string(False))
            self.addCleanup(database.dispose)
            store = self._store(database)
            store()
            server.sql('SET GLOBAL read_only = 1')
            with self.assertRaises(errors.DatabaseUnavailable):
                store()
            self.assertEqual(1, self._total(database)())
            server.sql('SET GLOBAL read_only = 0')
            store()
            self.assertEqual(2, self._total(database)())


class TestOutagesOfPostgreSQL(_Outages):
    def test_away_and_back(self) -> None:
        with postgres.PostgreSQL() as server:
            self._away_and_back(server)
            self._restarted_unnoticed(server)

    def test_ended_sessions(self) -> None:
        server = services.postgresql()

        def end() -> None:
            server.sql(
                'SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
                "WHERE datname = 'outages' LIMIT 1"
            )

        self._ended_sessions(server, end)

    def test_read_only(self) -> None:
        with postgres.PostgreSQL() as server:
            database = self._database(server)
            store = self._store(database)
            store()
            setting = 'default_transaction_read_only'
            server.sql(f'ALTER DATABASE outages SET {setting} = on')
            database.dispose()
            with self.assertRaises(errors.DatabaseUnavailable):
                store()
            self.assertEqual(1, self._total(database)())
            server.sql(f'ALTER DATABASE outages SET {setting} = off')
            store()
            self.assertEqual(2, self._total(database)())
