# SPDX-License-Identifier: Apache-2.0
import stat
import subprocess

from secretstore.rpc import sealfile, sealing
from secretstore.tests.unit.cmd.base import CommandTest


class ManageRpcTest(CommandTest):
    """The database is not there: these commands do not need it."""

    def setUp(self) -> None:
        super().setUp()
        self.keys = self.folder / 'seal.keys'
        self.file.write_text(f'[rpc]\nseal_key_file = {self.keys}\n')

    def create(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run_command('manage', 'rpc', 'create-seal-key', *more)

    def test_a_key_and_another(self) -> None:
        self.assert_ends(0, self.create(), str(self.keys), 'Copy it')
        self.assertEqual(0o600, stat.S_IMODE(self.keys.stat().st_mode))
        (first,) = sealfile.read(str(self.keys))
        self.assert_ends(1, self.create(), str(self.keys), '--rotate')
        self.assertEqual([first], sealfile.read(str(self.keys)))
        done = self.create('--rotate')
        self.assert_ends(0, done, 'conductors and restart them')
        new, *others = sealfile.read(str(self.keys))
        self.assertEqual([first], others)
        self.assertNotEqual(first, new)
        ids = [sealing.key_id(key).hex() for key in (new, first)]
        told = done.stdout
        self.assertIn(f'{ids[0]} is used, {ids[1]} accepted', told)
        for command in ('db', 'rpc'):
            self.assertNotIn(
                self.keys.read_text().split()[0],
                self.run_command('manage', command, '--help').stdout,
            )

    def test_what_can_be_wrong_is_one_line(self) -> None:
        self.assert_ends(1, self.create('--rotate'), 'no such file')
        self.keys.write_text('rubbish')
        self.keys.chmod(0o644)
        done = self.create('--rotate')
        self.assert_ends(1, done, 'chmod 600')
        (line,) = done.stderr.splitlines()
        self.assertTrue(line.startswith('secretstore-manage: [rpc]'))
        self.file.write_text(f'[rpc]\nseal_key_file = {self.folder}/no/key\n')
        self.assert_ends(1, self.create(), 'No such file')

    def test_help(self) -> None:
        done = self.run_command('manage', 'rpc', 'create-seal-key', '--help')
        self.assert_ends(0, done, '--rotate', 'No request')
