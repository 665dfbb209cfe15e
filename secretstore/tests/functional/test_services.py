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
    own,
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


class TestKeyManagers(base.FunctionalTest):
    def _stores(self, url: str, headers: dict[str, str]) -> str:
        """Stores a secret, reads it back, and returns its reference."""
        body = {'payload': 'hush', 'payload_content_type': 'text/plain'}
        answer = web.call('POST', f'{url}/v1/secrets', body, headers)
        self.assertEqual(201, answer.status, answer.body)
        where = str(answer.json()['secret_ref'])
        self.assertTrue(where.startswith(f'{url}/v1/secrets/'), where)
        self._reads(where, headers)
        return where

    def _reads(self, where: str, headers: dict[str, str]) -> None:
        read = {**headers, 'Accept': 'text/plain'}
        answer = web.call('GET', f'{where}/payload', headers=read)
        self.assertEqual(b'hush', answer.body)

    def _refuses_strangers(self, url: str) -> None:
        self.assertEqual(401, web.call('GET', f'{url}/v1/secrets').status)

    def test_barbican(self) -> None:
        url = services.barbican().url
        token = services.keystone().token('bench')
        self._stores(url, {'X-Auth-Token': token})
        self._refuses_strangers(url)

    def test_secretstore(self) -> None:
        url = services.secretstore().url
        token = services.keystone().token('bench')
        self._stores(url, {'X-Auth-Token': token})
        self._refuses_strangers(url)

    def test_secretstore_killed_and_restarted(self) -> None:
        headers = {'X-Project-Id': 'p', 'X-User-Id': 'u', 'X-Roles': 'member'}
        database = self.new_database('sqlite')
        with own.SecretStore(database) as server:
            where = self._stores(server.url, headers)
            server.kill()
            self.assertFalse(server.ready())
            server.start()
            self._reads(where, headers)
            server.restart()
            self._reads(where, headers)

    def test_standalone(self) -> None:
        server = services.standalone()
        self._refuses_strangers(server.url)
        server.openstack('secret', 'store', '--name=n', '--payload=hush')
        listed = server.openstack('secret', 'list', '--name=n', '-fvalue')
        where = listed.split()[0]
        shown = server.openstack('secret', 'get', '-p', '-fvalue', where)
        self.assertEqual('hush', shown.strip())


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
