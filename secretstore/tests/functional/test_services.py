# SPDX-License-Identifier: Apache-2.0
"""Each server of the functional tests starts, works and goes away."""

import os
import signal
import subprocess
import sys
import textwrap
import unittest

from secretstore.tests.functional import base, services
from secretstore.tests.functional.services import (
    accounts,
    mariadbd,
    postgres,
    system,
    web,
)


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


class TestKeystone(unittest.TestCase):
    def test_tokens(self) -> None:
        keystone = services.keystone()
        token = keystone.token()
        for user in ('project_a_creator', 'project_b_reader', 'bench'):
            answer = web.call(
                'GET',
                f'{keystone.auth_url}/auth/tokens',
                headers={
                    'X-Auth-Token': token,
                    'X-Subject-Token': keystone.token(user),
                },
            )
            found = answer.json()['token']
            self.assertEqual(user, found['user']['name'])
            account = accounts.find(user, None, None)
            roles = {role['name'] for role in found['roles']}
            self.assertLessEqual(set(account.roles), roles)

    def test_wrong_password(self) -> None:
        with self.assertRaisesRegex(system.Error, '401'):
            services.keystone().token('bench', 'wrong')

    def test_catalog(self) -> None:
        keystone = services.keystone()
        for url in ('http://127.0.0.1:1', 'http://127.0.0.1:2'):
            keystone.register_endpoint(url, 'Elsewhere')
            answer = web.call(
                'GET',
                f'{keystone.auth_url}/auth/catalog',
                headers={'X-Auth-Token': keystone.token('bench')},
            )
            found = {
                endpoint['url']
                for service in answer.json()['catalog']
                for endpoint in service['endpoints']
                if endpoint['region'] == 'Elsewhere'
            }
            self.assertEqual({url}, found)


class TestBarbican(unittest.TestCase):
    def test_stores_a_secret(self) -> None:
        barbican = services.barbican()
        headers = {'X-Auth-Token': services.keystone().token('bench')}
        body = {'payload': 'hush', 'payload_content_type': 'text/plain'}
        url = f'{barbican.url}/v1/secrets'
        answer = web.call('POST', url, body, headers)
        self.assertEqual(201, answer.status, answer.body)
        where = answer.json()['secret_ref']
        self.assertTrue(where.startswith(url), where)
        read = {**headers, 'Accept': 'text/plain'}
        answer = web.call('GET', f'{where}/payload', headers=read)
        self.assertEqual(b'hush', answer.body)

    def test_refuses_strangers(self) -> None:
        answer = web.call('GET', f'{services.barbican().url}/v1/secrets')
        self.assertEqual(401, answer.status)


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
