# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import subprocess
import sys

from secretstore import errors
from secretstore.keys import hierarchy
from secretstore.security import proprietary
from secretstore.tests.unit.keys import world

ROW = b'row'


class Base(world.WorldTest):
    def started(self) -> hierarchy.KeyHierarchy:
        keys = self.hierarchy(self.strategy())
        keys.start()
        return keys

    def master_keys(self) -> list[tuple[str, str, int]]:
        return self.sql('SELECT strategy, reference, in_use FROM master_keys')

    def the_file(self) -> pathlib.Path:
        ((_, reference, _),) = self.master_keys()
        return self.keys / f'{reference}.key'


class FirstKeyTest(Base):
    def test_made_once(self) -> None:
        for _ in range(3):
            self.started()
        self.assertEqual([self.the_file()], self.key_files())
        ((strategy, _, in_use),) = self.master_keys()
        self.assertEqual((world.STRATEGY, 1), (strategy, in_use))

    def test_the_loser_takes_the_winners_key(self) -> None:
        """The other conductor commits between our look and our insert."""
        test = self

        class Late(world.Watched):
            def create_master_key(self) -> str:
                test.started()
                return super().create_master_key()

        late = Late(self.conf, self.statements)
        keys = self.hierarchy(late)
        keys.start()
        self.assertEqual([self.the_file()], self.key_files())
        self.assertEqual(1, late.calls['destroy'])
        keys.check()

    def test_processes_starting_together_end_with_one(self) -> None:
        for turn in range(2):
            with self.subTest(turn=turn):
                self.sql('DELETE FROM project_keys')
                self.sql('DELETE FROM master_keys')
                for file in self.keys.glob('*'):
                    file.unlink()
                records = self.start_processes(2)
                self.assertEqual([self.the_file()], self.key_files())
                keys = self.started()
                for record in records:
                    self.assertEqual(b'payload', keys.open('p1', record, ROW))

    def start_processes(self, number: int) -> list[bytes]:
        processes = [
            subprocess.Popen(
                [
                    sys.executable,
                    '-m',
                    'secretstore.tests.unit.keys.starter',
                    self.url,
                    str(self.keys),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(number)
        ]
        for process in processes:
            assert process.stdout is not None
            self.assertEqual('ready\n', process.stdout.readline())
        for process in processes:
            assert process.stdin is not None
            process.stdin.write('\n')
            process.stdin.flush()
        records = []
        for process in processes:
            out, err = process.communicate(timeout=60)
            self.assertEqual(0, process.returncode, err)
            records.append(bytes.fromhex(out))
        return records


class StartTest(Base):
    """Whatever is wrong with a master key, the start says so in one line."""

    def setUp(self) -> None:
        super().setUp()
        keys = self.started()
        self.sealed = keys.seal('p1', b'payload', ROW)

    def assert_refused(self, *parts: str) -> None:
        with self.assertRaises(errors.StartupError) as caught:
            self.started()
        message = caught.exception.message
        self.assertNotIn('\n', message)
        ((key_id,),) = self.sql('SELECT id FROM master_keys')
        for part in (key_id, *parts):
            self.assertIn(part, message)

    def assert_file_refused(self, advice: str) -> None:
        self.assert_refused(str(self.the_file()), advice)

    def test_missing(self) -> None:
        self.the_file().unlink()
        self.assert_file_refused('restore it from a backup')
        self.assertEqual([], self.key_files())

    def test_world_readable(self) -> None:
        self.the_file().chmod(0o644)
        self.assert_file_refused('chmod 600')
        self.the_file().chmod(0o600)
        keys = self.started()
        self.assertEqual(b'payload', keys.open('p1', self.sealed.record, ROW))

    def test_symbolic_link(self) -> None:
        file = self.the_file()
        target = file.rename(self.folder / 'elsewhere')
        file.symlink_to(target)
        self.assert_file_refused('symbolic link')

    def test_short(self) -> None:
        self.the_file().write_text('c2hvcnQ=\n')
        self.assert_file_refused('does not hold a key')

    def test_wrong_key(self) -> None:
        reference = self.strategy().create_master_key()
        (self.keys / f'{reference}.key').rename(self.the_file())
        self.assert_file_refused('restore the right one')

    def test_wrong_owner(self) -> None:
        if os.geteuid():
            self.skipTest('only root can give a file away')
        os.chown(self.the_file(), 65534, -1)
        self.assert_file_refused('belongs to user id 65534')

    def test_directory_missing(self) -> None:
        self.keys.rename(self.folder / 'away')
        self.assert_refused(str(self.keys), 'mount or restore it')

    def test_check_value_of_another_key(self) -> None:
        self.sql("UPDATE master_keys SET check_value = x'01'")
        self.assert_file_refused('restore the right one')

    def test_strategy_not_enabled(self) -> None:
        self.sql("UPDATE master_keys SET strategy = 'pkcs11'")
        self.assert_refused('pkcs11', 'enabled_security_strategies')

    def test_retired_keys_are_not_asked_for(self) -> None:
        self.sql(
            "INSERT INTO master_keys VALUES ('old', 'gone', 'x', x'00', "
            "NULL, '2026-01-01 00:00:00', '2026-02-01 00:00:00', NULL)"
        )
        self.started()

    def test_keys_out_of_use_but_not_retired_are_verified(self) -> None:
        self.sql(
            "INSERT INTO master_keys VALUES ('old', 'proprietary', 'x', "
            "x'00', NULL, '2026-01-01 00:00:00', NULL, NULL)"
        )
        with self.assertRaises(errors.StartupError) as caught:
            self.started()
        self.assertIn('Master key old', caught.exception.message)

    def test_first_key_cannot_be_made(self) -> None:
        self.sql('DELETE FROM project_keys')
        self.sql('DELETE FROM master_keys')
        self.keys.chmod(0o755)
        with self.assertRaises(errors.StartupError) as caught:
            self.started()
        self.assertIn('first master key', caught.exception.message)
        self.assertIn('chmod 700', caught.exception.message)

    def test_first_key_that_does_not_work_is_removed(self) -> None:
        class Wrapless(world.Watched):
            def wrap(self, *_: object) -> bytes:
                raise errors.MasterKeyUnavailable('the token is busy')

        self.sql('DELETE FROM project_keys')
        self.sql('DELETE FROM master_keys')
        files = self.key_files()
        strategy = Wrapless(self.conf, self.statements)
        with self.assertRaises(errors.StartupError) as caught:
            self.hierarchy(strategy).start()
        self.assertIn('the token is busy', caught.exception.message)
        self.assertEqual(1, strategy.calls['create'])
        self.assertEqual(files, self.key_files())

    def test_key_that_does_not_work_and_stays_is_named(self) -> None:
        class Stuck(world.Watched):
            made = ''

            def create_master_key(self) -> str:
                self.made = super().create_master_key()
                return self.made

            def wrap(self, *_: object) -> bytes:
                raise errors.MasterKeyUnavailable('the token is busy')

            def destroy_master_key(self, reference: str) -> None:
                raise errors.MasterKeyUnavailable('the token is away')

        self.sql('DELETE FROM project_keys')
        self.sql('DELETE FROM master_keys')
        strategy = Stuck(self.conf, self.statements)
        with (
            self.assertLogs('secretstore.keys.master', 'WARNING') as logs,
            self.assertRaises(errors.StartupError),
        ):
            self.hierarchy(strategy).start()
        self.assertIn(strategy.made, logs.output[-1])
        self.assertIn('the token is away', logs.output[-1])

    def test_strategy_that_cannot_start(self) -> None:
        self.conf.set_override('crypt_key_dir', '', 'proprietary')
        with self.assertRaises(errors.StartupError) as caught:
            self.started()
        self.assertIn('crypt_key_dir', caught.exception.message)
        self.assertIn(world.STRATEGY, caught.exception.message)


class CheckTest(Base):
    def test_tells_what_is_wrong_and_heals(self) -> None:
        keys = self.started()
        keys.check()
        away = self.keys.rename(self.folder / 'away')
        with self.assertRaises(errors.MasterKeyUnavailable):
            keys.check()
        away.rename(self.keys)
        keys.check()
        file = self.the_file()
        content = file.read_bytes()
        file.unlink()
        with self.assertRaises(errors.MasterKeyNotFound):
            keys.check()
        file.write_bytes(content)
        file.chmod(0o600)
        keys.check()

    def test_notices_another_key(self) -> None:
        keys = self.started()
        reference = self.strategy().create_master_key()
        (self.keys / f'{reference}.key').rename(self.the_file())
        with self.assertRaises(errors.Corrupt):
            keys.check()

    def test_no_master_key(self) -> None:
        keys = self.hierarchy(proprietary.SecurityWorkflow(self.conf))
        with self.assertRaises(errors.MasterKeyNotFound):
            keys.check()
