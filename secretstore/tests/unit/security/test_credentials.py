# SPDX-License-Identifier: Apache-2.0
"""Master keys that come as systemd credentials."""

import base64
import os
import unittest
from unittest import mock

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import proprietary
from secretstore.tests.unit.security import keydir

NOBODY = 65534
BINDING = b'project key of somebody'


class CredentialsTest(unittest.TestCase):
    """A key that was made in the directory, and moved into the unit."""

    def setUp(self) -> None:
        parent = keydir.temporary_directory(self)
        self.folder = parent / 'credentials'
        self.folder.mkdir(0o700)
        self.keys = parent / 'keys'
        environ = mock.patch.dict(
            os.environ, {'CREDENTIALS_DIRECTORY': str(self.folder)}
        )
        environ.start()
        self.addCleanup(environ.stop)
        self.strategy = proprietary.SecurityWorkflow(
            keydir.configuration(self.keys)
        )
        self.strategy.start()
        self.reference = self.strategy.create_master_key()
        self.key = aead.generate_key()
        self.wrapped = self.strategy.wrap(self.reference, self.key, BINDING)
        self.made = self.keys / f'{self.reference}.key'
        self.file = self.folder / self.made.name

    def move(self) -> None:
        self.made.rename(self.file)
        self.file.chmod(0o400)
        self.keys.rmdir()

    def unwrap(self) -> bytes:
        return self.strategy.unwrap(self.reference, self.wrapped, BINDING)

    def refusal(self, failure: type[errors.SecretStoreError]) -> str:
        with self.assertRaises(failure) as caught:
            self.unwrap()
        self.assertIn(str(self.file), caught.exception.message)
        return caught.exception.message

    def test_read_instead_of_a_file(self) -> None:
        self.move()
        self.assertEqual(self.key, self.unwrap())
        self.strategy.check()

    def test_no_credential_needed(self) -> None:
        self.assertEqual(self.key, self.unwrap())
        self.strategy.check()
        self.keys.rename(self.keys.with_name('away'))
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.strategy.check()

    def test_new_keys_are_files(self) -> None:
        self.move()
        reference = self.strategy.create_master_key()
        self.assertEqual([f'{reference}.key'], os.listdir(self.keys))
        self.assertEqual([self.file.name], os.listdir(self.folder))

    def test_never_removed(self) -> None:
        os.link(self.made, self.file)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            self.strategy.destroy_master_key(self.reference)
        self.assertIn('systemd credential', caught.exception.message)
        self.assertTrue(self.made.exists())
        self.assertEqual(self.key, self.unwrap())
        self.file.unlink()
        self.strategy.destroy_master_key(self.reference)
        with self.assertRaises(errors.MasterKeyNotFound):
            self.unwrap()

    def test_taken_away_while_it_runs(self) -> None:
        self.move()
        kept = self.file.rename(self.folder / 'kept')
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.unwrap()
        kept.rename(self.file)
        self.assertEqual(self.key, self.unwrap())

    def test_open_to_others(self) -> None:
        self.move()
        for mode in (0o404, 0o440, 0o420, 0o402):
            self.file.chmod(mode)
            with self.subTest(f'{mode:o}'):
                message = self.refusal(errors.MasterKeyUnavailable)
                self.assertIn('LoadCredential', message)
        self.file.chmod(0o400)
        self.assertEqual(self.key, self.unwrap())

    def test_no_key_in_it(self) -> None:
        self.move()
        self.file.chmod(0o600)
        self.file.write_bytes(base64.b64encode(bytes(31)))
        self.refusal(errors.MasterKeyNotFound)
        self.file.write_bytes(base64.b64encode(bytes(32)))
        self.assertIn('does not open', self.refusal(errors.Corrupt))

    def test_not_a_file(self) -> None:
        self.file.symlink_to(self.made)
        self.refusal(errors.MasterKeyUnavailable)
        self.file.unlink()
        os.mkfifo(self.file, 0o400)
        self.refusal(errors.MasterKeyUnavailable)

    @unittest.skipIf(os.geteuid(), 'only root can give files away')
    def test_owners(self) -> None:
        """systemd leaves it to root, and an access list to the service."""
        self.move()
        for path in (self.folder.parent, self.folder):
            path.chmod(0o755)
        os.chown(self.file, 0, NOBODY)
        self.file.chmod(0o440)
        message = self.refusal(errors.MasterKeyUnavailable)
        self.assertIn('open to group', message)
        os.setegid(NOBODY)
        self.addCleanup(os.setegid, 0)
        os.seteuid(NOBODY)
        self.addCleanup(os.seteuid, 0)
        self.assertEqual(self.key, self.unwrap())
        os.seteuid(0)
        os.chown(self.file, NOBODY - 1, NOBODY)
        os.seteuid(NOBODY)
        message = self.refusal(errors.MasterKeyUnavailable)
        self.assertIn(f'belongs to user id {NOBODY - 1}', message)
