# SPDX-License-Identifier: Apache-2.0
from secretstore.db import migration
from secretstore.tests.unit.cmd.base import CommandTest


class ManageTest(CommandTest):
    def manage(self, *arguments: str, files: str | None = None) -> object:
        return self.run_command('manage', *arguments, files=files)

    def test_from_nothing_to_the_present(self) -> None:
        head = migration.head()
        for action, status, words in (
            ('version', 0, 'no schema'),
            ('check', 1, 'run secretstore-manage db upgrade'),
            ('upgrade', 0, f'an empty database -> {head}'),
            ('version', 0, head),
            ('check', 0, f'The database is at {head}: nothing to do.'),
            ('upgrade', 0, f'{head} -> {head}'),
        ):
            with self.subTest(action):
                done = self.run_command('manage', 'db', action)
                self.assert_ends(status, done, words)

    def test_errors_are_one_line_on_standard_error(self) -> None:
        done = self.run_command('manage', 'db', 'check')
        self.assertEqual('', done.stdout)
        (line,) = done.stderr.splitlines()
        self.assertTrue(line.startswith('secretstore-manage: '))

    def test_configuration_file_of_the_command_line(self) -> None:
        other = self.configure(f'sqlite:///{self.folder}/other.db', 'b.conf')
        done = self.run_command(
            'manage', '--config-file', str(other), 'db', 'upgrade'
        )
        self.assert_ends(0, done)
        self.assertTrue((self.folder / 'other.db').exists())
        self.assertFalse((self.folder / 'secretstore.db').exists())

    def test_no_configuration(self) -> None:
        done = self.run_command('manage', 'db', 'check', files='')
        self.assert_ends(1, done, '[database] connection is not set')
        done = self.run_command('manage', 'db', 'check', files='/none')
        self.assert_ends(1, done, '/none')

    def test_a_database_that_is_not_there(self) -> None:
        self.configure(f'sqlite:///{self.folder}/none/secretstore.db')
        done = self.run_command('manage', 'db', 'check')
        self.assert_ends(1, done, 'database', 'unable to open database file')

    def test_a_file_that_is_no_database(self) -> None:
        (self.folder / 'secretstore.db').write_text('a letter home' * 100)
        for action in ('version', 'check', 'upgrade'):
            done = self.run_command('manage', 'db', action)
            self.assert_ends(1, done, 'file is not a database')

    def test_logging_that_cannot_be_set_up(self) -> None:
        for line in ('log_config_append = /none', 'log_file = /none/a.log'):
            text = self.configure().read_text()
            self.file.write_text(
                text.replace('[DEFAULT]', f'[DEFAULT]\n{line}')
            )
            done = self.run_command('manage', 'db', 'check')
            self.assert_ends(1, done, 'secretstore-manage: ', '/none')

    def test_no_command(self) -> None:
        for arguments in ((), ('db',), ('db', 'nope'), ('nope',)):
            with self.subTest(arguments):
                done = self.run_command('manage', *arguments)
                self.assertNotIn('Traceback', done.stderr)
                self.assertNotEqual(0, done.returncode)
                self.assertIn('usage', done.stdout + done.stderr)

    def test_help(self) -> None:
        done = self.run_command('manage', 'db', '--help')
        self.assert_ends(0, done, 'upgrade', 'version', 'check')
