# SPDX-License-Identifier: Apache-2.0
import base64
import os
import pathlib
import resource
import stat
import unittest

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import proprietary
from secretstore.tests.unit.security import keydir

BINDING = b'project key of somebody'
NOBODY = 65534


class Base(unittest.TestCase):
    def setUp(self) -> None:
        self.parent = keydir.temporary_directory(self)
        self.folder = self.parent / 'keys'
        self.conf = keydir.configuration(self.folder)
        self.strategy = proprietary.SecurityWorkflow(self.conf)
        self.strategy.start()
        self.addCleanup(self.strategy.stop)
        self.reference = self.strategy.create_master_key()
        self.file = self.folder / f'{self.reference}.key'
        self.key = aead.generate_key()
        self.wrapped = self.strategy.wrap(self.reference, self.key, BINDING)

    def unwrap(self) -> bytes:
        return self.strategy.unwrap(self.reference, self.wrapped, BINDING)

    def need_root(self) -> None:
        if os.geteuid():
            self.skipTest('only root can give files away')

    def assert_refused(
        self,
        failure: type[errors.SecretStoreError],
        path: pathlib.Path,
        advice: str,
    ) -> None:
        with self.assertRaises(failure) as caught:
            self.unwrap()
        message = caught.exception.message
        self.assertTrue(message.startswith(f'{path}: '), message)
        self.assertIn(advice, message)
        self.assertNotIn('\n', message)

    def assert_heals(self) -> None:
        self.assertEqual(self.key, self.unwrap())


class KeyFileTest(Base):
    def test_what_is_on_the_disk(self) -> None:
        self.assertEqual([self.file], list(self.folder.iterdir()))
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertEqual(0o700, stat.S_IMODE(self.folder.stat().st_mode))
        content = self.file.read_bytes()
        self.assertTrue(content.endswith(b'\n'))
        self.assertEqual(32, len(base64.b64decode(content[:-1], None, True)))

    def test_modes_do_not_depend_on_the_umask(self) -> None:
        for mask in (0o000, 0o077, 0o277):
            before = os.umask(mask)
            try:
                reference = self.strategy.create_master_key()
            finally:
                os.umask(before)
            file = self.folder / f'{reference}.key'
            self.assertEqual(0o600, stat.S_IMODE(file.stat().st_mode))

    def test_wrapped_keys_start_with_a_version(self) -> None:
        self.assertEqual(61, len(self.wrapped))
        self.assertEqual(b'\1', self.wrapped[:1])

    def test_a_read_only_file_is_fine(self) -> None:
        self.file.chmod(0o400)
        self.assert_heals()

    def test_an_edited_line_end_is_fine(self) -> None:
        self.file.write_bytes(self.file.read_bytes().strip() + b'\r\n')
        self.assert_heals()

    def test_missing(self) -> None:
        content = self.file.read_bytes()
        self.file.unlink()
        self.assert_refused(
            errors.MasterKeyNotFound, self.file, 'restore it from a backup'
        )
        self.file.write_bytes(content)
        self.file.chmod(0o600)
        self.assert_heals()

    def test_open_to_others(self) -> None:
        for mode in (0o644, 0o640, 0o604, 0o620, 0o602, 0o610):
            self.file.chmod(mode)
            with self.subTest(f'{mode:o}'):
                self.assert_refused(
                    errors.MasterKeyUnavailable, self.file, 'chmod 600'
                )
        self.file.chmod(0o600)
        self.assert_heals()

    def test_content_that_is_no_key(self) -> None:
        short = base64.b64encode(bytes(31))
        contents = [b'', b'\n', short, b'\xff' * 44, bytes(32), b'A' * 5000]
        contents += [base64.b64encode(bytes(33)), short + b'\n' + short]
        for content in contents:
            self.file.write_bytes(content)
            with self.subTest(content[:50]):
                self.assert_refused(
                    errors.MasterKeyNotFound, self.file, 'does not hold a key'
                )

    def test_another_key(self) -> None:
        self.file.write_bytes(base64.b64encode(bytes(32)) + b'\n')
        self.assert_refused(errors.Corrupt, self.file, 'does not open')

    def test_symbolic_link(self) -> None:
        target = self.parent / 'elsewhere.key'
        self.file.rename(target)
        self.file.symlink_to(target)
        self.assert_refused(
            errors.MasterKeyUnavailable, self.file, 'symbolic link'
        )

    def test_not_a_file(self) -> None:
        self.file.unlink()
        os.mkfifo(self.file, 0o600)
        self.assert_refused(
            errors.MasterKeyUnavailable, self.file, 'not a regular file'
        )
        self.file.unlink()
        self.file.mkdir(0o700)
        self.assert_refused(
            errors.MasterKeyUnavailable, self.file, 'not a regular file'
        )

    def test_wrong_owner(self) -> None:
        self.need_root()
        os.chown(self.file, NOBODY, -1)
        self.assert_refused(
            errors.MasterKeyUnavailable,
            self.file,
            f'belongs to user id {NOBODY}',
        )

    def test_reference_that_leaves_the_directory(self) -> None:
        outside = self.parent / self.file.name
        outside.write_bytes(self.file.read_bytes())
        outside.chmod(0o600)
        for reference in (
            f'../{self.reference}',
            f'./{self.reference}',
            str(self.parent / self.reference),
            f'{self.reference}.key',
            f'{self.reference}\0',
            self.reference.upper() + '/',
        ):
            with (
                self.subTest(reference),
                self.assertRaises(errors.MasterKeyNotFound),
            ):
                self.strategy.unwrap(reference, self.wrapped, BINDING)
            with (
                self.subTest(reference),
                self.assertRaises(errors.MasterKeyNotFound),
            ):
                self.strategy.destroy_master_key(reference)
        self.assertTrue(outside.exists())


class DirectoryTest(Base):
    def assert_directory_refused(self, advice: str) -> None:
        self.assert_refused(errors.MasterKeyUnavailable, self.folder, advice)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            self.strategy.check()
        self.assertIn(advice, caught.exception.message)

    def test_away_and_back(self) -> None:
        elsewhere = self.parent / 'away'
        self.folder.rename(elsewhere)
        self.assert_directory_refused('mount or restore it')
        elsewhere.rename(self.folder)
        self.assert_heals()
        self.strategy.check()

    def test_open_to_others(self) -> None:
        for mode in (0o755, 0o750, 0o710, 0o777):
            self.folder.chmod(mode)
            with self.subTest(f'{mode:o}'):
                self.assert_directory_refused('chmod 700')
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.strategy.create_master_key()

    def test_symbolic_link(self) -> None:
        elsewhere = self.parent / 'elsewhere'
        self.folder.rename(elsewhere)
        self.folder.symlink_to(elsewhere)
        self.assert_directory_refused('symbolic link')
        conf = keydir.configuration(self.folder)
        conf.set_override('crypt_key_dir', f'{self.folder}/', 'proprietary')
        self.strategy = proprietary.SecurityWorkflow(conf)
        self.assert_directory_refused('symbolic link')

    def test_a_file_in_its_place(self) -> None:
        self.folder.rename(self.parent / 'elsewhere')
        self.folder.touch(0o700)
        self.assert_directory_refused('not a directory')

    def test_wrong_owner(self) -> None:
        self.need_root()
        os.chown(self.folder, NOBODY, -1)
        self.assert_directory_refused(f'belongs to user id {NOBODY}')

    def test_parent_missing(self) -> None:
        conf = keydir.configuration(self.parent / 'not' / 'there')
        strategy = proprietary.SecurityWorkflow(conf)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            strategy.create_master_key()
        self.assertIn(str(self.parent / 'not'), caught.exception.message)

    def test_not_writable(self) -> None:
        self.folder.chmod(0o500)
        self.addCleanup(self.folder.chmod, 0o700)
        if os.geteuid() == 0:
            # Permissions do not stop root: be somebody else for a moment.
            self.parent.chmod(0o755)
            os.chown(self.folder, NOBODY, -1)
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, 0)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            self.strategy.create_master_key()
        self.assertIn('Permission denied', caught.exception.message)
        self.assertIn(str(self.folder), caught.exception.message)

    def test_a_user_whom_the_kernel_stops(self) -> None:
        self.need_root()
        self.assertEqual(0, self.file.stat().st_uid)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            self.parent.chmod(0o755)
            os.seteuid(NOBODY)
            try:
                self.unwrap()
            finally:
                os.seteuid(0)
        self.assertIn('Permission denied', caught.exception.message)

    def test_a_write_that_ends_half_way_leaves_nothing_behind(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
        try:
            with self.assertRaises(errors.MasterKeyUnavailable) as caught:
                self.strategy.create_master_key()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertIn(str(self.folder), caught.exception.message)
        self.assertEqual([self.file], list(self.folder.iterdir()))
        self.strategy.create_master_key()


class StartTest(unittest.TestCase):
    def test_says_what_it_is_for(self) -> None:
        folder = keydir.temporary_directory(self)
        conf = keydir.configuration(folder / 'keys')
        with self.assertLogs('secretstore.security', 'WARNING') as logs:
            proprietary.SecurityWorkflow(conf).start()
        (line,) = logs.output
        self.assertIn('development and small sites', line)
        self.assertIn(str(folder / 'keys'), line)

    def test_does_not_touch_the_disk(self) -> None:
        folder = keydir.temporary_directory(self)
        conf = keydir.configuration(folder / 'keys')
        proprietary.SecurityWorkflow(conf).start()
        self.assertEqual([], list(folder.iterdir()))

    def test_needs_a_directory(self) -> None:
        conf = keydir.configuration(keydir.temporary_directory(self))
        conf.set_override('crypt_key_dir', '', 'proprietary')
        with self.assertRaises(errors.StartupError) as caught:
            proprietary.SecurityWorkflow(conf).start()
        self.assertIn('crypt_key_dir', caught.exception.message)
