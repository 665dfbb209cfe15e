# SPDX-License-Identifier: Apache-2.0
import sqlite3

from secretstore.tests.unit.cmd.base import CommandTest

START = 'from secretstore.cmd import service; service.wsgi_application()'


class StatusTest(CommandTest):
    def check(self, status: int, *words: str) -> str:
        done = self.run_command('status', 'upgrade', 'check')
        self.assert_ends(status, done, *words)
        return done.stdout

    def prepare(self) -> None:
        done = self.run_command('manage', 'db', 'upgrade')
        self.assert_ends(0, done)
        self.assert_ends(0, self.run_python(START))

    def test_all_is_well(self) -> None:
        self.prepare()
        output = self.check(0, 'Database schema', 'Master keys')
        self.assertEqual(4, output.count('Success'))

    def test_nothing_is_made_by_a_check(self) -> None:
        done = self.run_command('manage', 'db', 'upgrade')
        self.assert_ends(0, done)
        self.run_command('status', 'upgrade', 'check')
        self.assertFalse((self.folder / 'keys').exists())

    def test_an_empty_database(self) -> None:
        self.check(2, 'Failure', 'schema is empty')

    def test_a_master_key_that_is_gone(self) -> None:
        self.prepare()
        (key,) = (self.folder / 'keys').iterdir()
        key.unlink()
        self.check(2, 'Failure', 'missing')

    def test_a_master_key_that_is_open_to_others(self) -> None:
        self.prepare()
        (key,) = (self.folder / 'keys').iterdir()
        key.chmod(0o644)
        self.check(2, 'Failure', 'chmod')

    def test_a_strategy_without_a_key_that_cannot_be_used(self) -> None:
        self.prepare()
        with self.file.open('a') as file:
            file.write(
                '[DEFAULT]\nenabled_security_strategies = barbican\n'
                '[barbican]\nbarbican_url = http://127.0.0.1:9\n'
                'auth_type = none\nendpoint = http://127.0.0.1:9\n'
            )
        self.check(2, 'Failure', 'Security strategy barbican')

    def test_a_strategy_that_can_never_work(self) -> None:
        self.prepare()
        with self.file.open('a') as file:
            file.write('[DEFAULT]\nenabled_security_strategies = barbican\n')
        output = self.check(2, 'Failure', 'auth_type is not set')
        self.assertNotIn('Traceback', output)

    def test_a_strategy_that_keeps_named_keys_and_is_not_enabled(self) -> None:
        self.prepare()
        with sqlite3.connect(self.folder / 'secretstore.db') as database:
            database.executemany(
                'INSERT INTO named_keys (id, project_id, kind, object_id, '
                'title, strategy, reference, created_at) VALUES '
                "(?, 'p', 'backup', ?, '', 'barbican', 'r', '2026-01-01')",
                [('1', '1'), ('2', '2')],
            )
        output = self.check(2, 'Failure', 'barbican keeps 2 named keys')
        self.assertEqual(3, output.count('Success'))
        # All else it has is there, so that it starts.
        self.assert_ends(0, self.run_python(START))

    def test_no_database(self) -> None:
        self.configure(f'sqlite:///{self.folder}/none/secretstore.db')
        self.check(2, 'Failure')

    def test_no_configuration(self) -> None:
        done = self.run_command('status', 'upgrade', 'check', files='')
        self.assert_ends(2, done, 'connection is not set')

    def test_a_configuration_that_cannot_be_read(self) -> None:
        done = self.run_command('status', 'upgrade', 'check', files='/none')
        self.assertNotEqual(0, done.returncode)
        self.assertIn('/none', done.stdout + done.stderr)
