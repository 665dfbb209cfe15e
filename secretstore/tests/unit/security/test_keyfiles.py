# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
import os
import unittest

from secretstore import errors
from secretstore.security import keyfiles
from secretstore.tests.unit.security import keydir

NAME = 'a.key'
KEY = bytes(range(32))
NOBODY = 65534


class KeyDirectoryTest(unittest.TestCase):
    def setUp(self) -> None:
        self.parent = keydir.temporary_directory(self)
        self.folder = self.parent / 'keys'
        self.files = keyfiles.KeyDirectory(str(self.folder))

    def test_what_a_crash_leaves_is_deleted_with_the_key(self) -> None:
        self.files.create(NAME, KEY)
        for middle in ('', '.0123'):
            os.link(self.folder / NAME, self.folder / f'.{NAME}{middle}.new')
        other = self.folder / '.another.key.new'
        other.touch(0o600)
        self.assertEqual(KEY, self.files.read(NAME))
        self.files.delete(NAME)
        self.assertEqual([other], list(self.folder.iterdir()))

    def test_a_delete_that_was_cut_short_can_be_repeated(self) -> None:
        self.files.create(NAME, KEY)
        (self.folder / NAME).rename(self.folder / f'.{NAME}.new')
        with self.assertRaises(errors.MasterKeyNotFound):
            self.files.delete(NAME)
        self.assertEqual([], list(self.folder.iterdir()))

    def test_what_a_crash_leaves_does_not_stop_a_new_key(self) -> None:
        self.folder.mkdir(0o700)
        (self.folder / f'.{NAME}.new').touch(0o600)
        self.files.create(NAME, KEY)
        self.assertEqual(KEY, self.files.read(NAME))

    def test_never_replaced(self) -> None:
        self.files.create(NAME, KEY)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.files.create(NAME, bytes(32))
        self.assertEqual(KEY, self.files.read(NAME))
        self.assertEqual([NAME], os.listdir(self.folder))

    @unittest.skipIf(os.geteuid(), 'only root can give files away')
    def test_belongs_to_the_user_of_the_service(self) -> None:
        self.files.create(NAME, KEY)
        for path in (self.parent, self.folder, self.folder / NAME):
            os.chown(path, NOBODY, -1)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            self.files.read(NAME)
        self.assertIn('runs as (id 0)', caught.exception.message)
        os.seteuid(NOBODY)
        try:
            self.assertEqual(KEY, self.files.read(NAME))
            # Not even root's, which this user could not open either.
            os.seteuid(0)
            os.chown(self.folder / NAME, 0, -1)
            os.seteuid(NOBODY)
            with self.assertRaises(errors.MasterKeyUnavailable):
                self.files.read(NAME)
        finally:
            os.seteuid(0)

    @unittest.skipIf(os.geteuid(), 'only root can be somebody else')
    def test_not_allowed(self) -> None:
        """Waiting does not mend it; whoever gets the message can."""
        self.files.create(NAME, KEY)
        self.parent.chmod(0o711)
        os.chown(self.folder, NOBODY, -1)
        os.seteuid(NOBODY)
        try:
            self.folder.chmod(0o700)
            # The file is root's still.
            self.assert_for_the_operator(self.read, 'chown and chmod')
            self.folder.chmod(0o600)
            self.assert_for_the_operator(self.read, f'id {NOBODY}')
            self.folder.chmod(0o500)
            self.assert_for_the_operator(
                lambda: self.files.create('b.key', KEY), 'chown and chmod'
            )
        finally:
            os.seteuid(0)
        os.chown(self.folder, 0, -1)
        self.folder.chmod(0o700)
        self.assertEqual(KEY, self.files.read(NAME))

    def test_a_link_is_refused(self) -> None:
        self.files.create('b.key', KEY)
        (self.folder / NAME).symlink_to('b.key')
        self.assert_for_the_operator(self.read, 'links are refused')

    def read(self) -> object:
        return self.files.read(NAME)

    def assert_for_the_operator(
        self, call: Callable[[], object], words: str
    ) -> None:
        with self.assertRaises(errors.MasterKeyUnusable) as caught:
            call()
        self.assertIn(words, caught.exception.message)
        self.assertIn(str(self.folder), caught.exception.message)
