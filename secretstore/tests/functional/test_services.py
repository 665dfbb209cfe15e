# SPDX-License-Identifier: Apache-2.0
"""Each server of the functional tests starts, works and goes away."""

import os
import signal
import subprocess
import sys
import textwrap
import unittest

from secretstore.tests.functional import base
from secretstore.tests.functional import services
from secretstore.tests.functional.services import mariadbd
from secretstore.tests.functional.services import postgres
from secretstore.tests.functional.services import system


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class TestDatabases(base.FunctionalTest):
    def _survives(self, server: services.Database) -> None:
        server.create_database('kept')
        port = server.port
        server.sql('CREATE TABLE t (n int)', 'kept')
        server.sql('INSERT INTO t VALUES (7)', 'kept')
        server.kill()
        self.assertFalse(server.ready())
        server.start()
        self.assertEqual('7', server.sql('SELECT n FROM t', 'kept').strip())
        server.stop()
        self.assertFalse(server.ready())
        server.start()
        self.assertEqual(port, server.port)
        self.assertEqual('7', server.sql('SELECT n FROM t', 'kept').strip())

    def test_mariadb_keeps_its_data(self) -> None:
        with mariadbd.MariaDB() as server:
            self._survives(server)

    def test_postgresql_keeps_its_data(self) -> None:
        with postgres.PostgreSQL() as server:
            self._survives(server)

    def test_mariadb_character_sets(self) -> None:
        server = services.mariadb()
        for charset in ('utf8mb3', 'utf8mb4'):
            server.create_database('characters', charset)
            self.addCleanup(server.drop_database, 'characters')
            row = server.sql('SELECT @@character_set_database', 'characters')
            self.assertEqual(charset, row.strip())

    def test_each_test_has_a_database_of_its_own(self) -> None:
        for kind in base.DATABASES:
            self.assertNotEqual(
                self.new_database(kind), self.new_database(kind)
            )


class TestMemcached(unittest.TestCase):
    def test_answers(self) -> None:
        answer = services.memcached().ask('version')
        self.assertTrue(answer.startswith('VERSION'), answer)

    def test_shared(self) -> None:
        self.assertIs(services.memcached(), services.memcached())


class TestNothingIsLeftBehind(unittest.TestCase):
    PROGRAM = textwrap.dedent("""
        import time
        from secretstore.tests.functional import services
        server = services.memcached()
        print(server.pid, server.folder, flush=True)
        time.sleep(60)
    """)

    def test_killed_test_process(self) -> None:
        services.memcached()
        with subprocess.Popen(
            [sys.executable, '-c', self.PROGRAM],
            stdout=subprocess.PIPE,
            text=True,
        ) as tests:
            assert tests.stdout is not None
            pid, folder = tests.stdout.readline().split()
            self.assertTrue(_group_exists(int(pid)))
            self.assertTrue(os.path.exists(folder))
            tests.send_signal(signal.SIGKILL)
        system.wait_for('end', lambda: not _group_exists(int(pid)), 10)
        system.wait_for('removal', lambda: not os.path.exists(folder), 10)


class TestMissingPrograms(unittest.TestCase):
    def _strict(self, value: str) -> None:
        for name in ('SECRETSTORE_TESTS_STRICT', 'CI'):
            before = os.environ.get(name)
            if before is None:
                self.addCleanup(os.environ.pop, name, None)
            else:
                self.addCleanup(os.environ.__setitem__, name, before)
            os.environ[name] = value

    def test_skip(self) -> None:
        self._strict('')
        with self.assertRaisesRegex(unittest.SkipTest, 'install gone'):
            system.find('no-such-program', 'gone')

    def test_strict(self) -> None:
        self._strict('1')
        with self.assertRaisesRegex(system.Error, 'install gone'):
            system.find('no-such-program', 'gone')
