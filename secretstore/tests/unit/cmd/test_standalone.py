# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.cmd.base import CommandTest


class StartTest(CommandTest):
    def test_a_state_directory_that_cannot_be_made(self) -> None:
        (self.folder / 'file').write_text('')
        done = self.run_command(
            'standalone', '--port', '0', '--state-dir', 'file/state'
        )
        self.assert_ends(1, done, 'secretstore: ')
        self.assertEqual('', done.stdout)

    def test_a_wrong_configuration(self) -> None:
        text = self.file.read_text()
        self.file.write_text(text.replace('noauth', 'magic'))
        done = self.run_command(
            'standalone', '--port', '0', '--config-file', str(self.file)
        )
        self.assert_ends(1, done, 'auth_strategy')

    def test_logging_that_cannot_be_set_up(self) -> None:
        with self.file.open('a') as file:
            file.write('[DEFAULT]\nlog_file = /none/a.log\n')
        done = self.run_command(
            'standalone', '--port', '0', '--config-file', str(self.file)
        )
        self.assert_ends(1, done, 'secretstore: ', '/none/a.log')

    def test_a_mistake_that_only_the_server_finds(self) -> None:
        policy = self.folder / 'policy.yaml'
        policy.write_text('a: [')
        with self.file.open('a') as file:
            file.write(f'[oslo_policy]\npolicy_file = {policy}\n')
        done = self.run_command(
            'standalone', '--port', '0', '--config-file', str(self.file)
        )
        self.assert_ends(1, done, 'secretstore: The policy', str(policy))
        self.assertNotIn('listens', done.stdout)
        self.assertEqual(1, done.stderr.count('secretstore: '))
