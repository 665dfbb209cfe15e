# SPDX-License-Identifier: Apache-2.0
import base64
import os
from pathlib import Path
import shutil
import stat
import tempfile
import unittest
from unittest import mock

from secretstore import errors
from secretstore.rpc import sealfile


class SealFileTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = self.folder / 'seal.keys'
        self.path = str(self.file)

    def write(self, content: bytes, mode: int = 0o600) -> None:
        self.file.write_bytes(content)
        self.file.chmod(mode)

    def assert_wrong(self, words: str) -> None:
        with self.assertRaisesRegex(errors.StartupError, words) as caught:
            sealfile.read(self.path)
        self.assertIn(self.path, caught.exception.message)

    def test_a_new_file(self) -> None:
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        sealfile.create(self.path)
        (key,) = sealfile.read(self.path)
        self.assertEqual(32, len(key))
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertEqual(['seal.keys'], os.listdir(self.folder))

    def test_none_is_overwritten(self) -> None:
        self.write(b'precious')
        with self.assertRaisesRegex(errors.InvalidInput, '--rotate'):
            sealfile.create(self.path)
        self.assertEqual(b'precious', self.file.read_bytes())
        self.assertEqual(['seal.keys'], os.listdir(self.folder))

    def test_rotation_keeps_one(self) -> None:
        sealfile.create(self.path)
        known = sealfile.read(self.path)
        for _ in range(3):
            sealfile.rotate(self.path)
            new, *others = sealfile.read(self.path)
            self.assertEqual(known[:1], others)
            self.assertNotIn(new, known)
            known = [new, *others]
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertEqual(['seal.keys'], os.listdir(self.folder))

    def test_rotating_what_is_not_there_or_is_wrong(self) -> None:
        for content in (None, b'rubbish'):
            if content:
                self.write(content)
            with self.assertRaises(errors.StartupError):
                sealfile.rotate(self.path)
        self.assertEqual(b'rubbish', self.file.read_bytes())

    def test_a_folder_that_is_not_there(self) -> None:
        for action in (sealfile.create, sealfile.rotate, sealfile.read):
            with self.assertRaisesRegex(
                errors.StartupError, 'No such|no such'
            ):
                action(str(self.folder / 'none' / 'seal.keys'))

    def test_others_have_access(self) -> None:
        key = base64.b64encode(bytes(32))
        for mode in (0o640, 0o604, 0o660, 0o610):
            self.write(key, mode)
            self.assert_wrong('chmod 600')
        self.write(key, 0o400)
        self.assertEqual([bytes(32)], sealfile.read(self.path))

    @unittest.skipUnless(os.geteuid() == 0, 'only root gives files away')
    def test_another_owner(self) -> None:
        self.write(base64.b64encode(bytes(32)))
        os.chown(self.path, 12345, 12345)
        self.assert_wrong('belongs to user id 12345')

    def test_what_systemd_hands_over(self) -> None:
        """It lets the service's user read a file of root by a list."""
        self.write(base64.b64encode(bytes(32)), 0o440)
        self.assert_wrong('open to group')
        variable = {'CREDENTIALS_DIRECTORY': str(self.folder)}
        with mock.patch.dict(os.environ, variable):
            self.assertEqual([bytes(32)], sealfile.read(self.path))
        variable = {'CREDENTIALS_DIRECTORY': str(self.folder.parent)}
        with mock.patch.dict(os.environ, variable):
            self.assert_wrong('open to group')

    def test_what_is_no_key(self) -> None:
        good = base64.b64encode(bytes(32))
        short = base64.b64encode(bytes(16))
        for content in (
            b'',
            b'\n',
            b'!' * 44,
            short,
            good + b'\n' + short,
            good[:-1],
            b'\n'.join([good] * 3),
            bytes(2000),
        ):
            self.write(content)
            self.assert_wrong('one or two keys')

    def test_no_message_has_a_key_in_it(self) -> None:
        text = base64.b64encode(os.urandom(32)).decode()
        self.write(f'{text}\n{text}\n{text}'.encode())
        with self.assertRaises(errors.StartupError) as caught:
            sealfile.read(self.path)
        self.assertNotIn(text, str(caught.exception))

    def test_no_file_at_all(self) -> None:
        self.assert_wrong('create-seal-key')
        os.mkfifo(self.path, 0o600)
        self.assert_wrong('not a regular file')
