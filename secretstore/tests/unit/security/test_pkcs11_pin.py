# SPDX-License-Identifier: Apache-2.0
import os
import unittest
from unittest import mock

from oslo_config import cfg

from secretstore import conf as options
from secretstore import errors
from secretstore.security.pkcs11 import pin
from secretstore.tests.unit.security import keydir

PIN = '12345678'


class PinBase(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = keydir.temporary_directory(self)
        self.file = self.folder / 'pin'
        self.write(f'{PIN}\n')
        self.conf = cfg.ConfigOpts()
        options.register_opts(self.conf)
        self.conf([], default_config_files=[], default_config_dirs=[])
        self.conf.set_override('pin_file', str(self.file), 'pkcs11')
        self.conf.set_override('state_path', str(self.folder))

    def write(self, content: str | bytes) -> None:
        if isinstance(content, str):
            content = content.encode()
        self.file.write_bytes(content)
        self.file.chmod(0o600)


class PinTest(PinBase):
    def refusal(self, source: pin.Pin) -> str:
        with self.assertRaises(errors.MasterKeyUnusable) as caught:
            source.read()
        message = caught.exception.message
        self.assertIn(str(self.file), message)
        self.assertNotIn(PIN, message)
        return message

    def test_first_line(self) -> None:
        source = pin.Pin(self.conf)
        for content in (PIN, f'{PIN}\n', f'{PIN}\r\n', f'{PIN}\nnote\n'):
            self.write(content)
            self.assertEqual(PIN, source.read())

    def test_spaces_belong_to_it(self) -> None:
        self.write(' 1 2 \n')
        self.assertEqual(' 1 2 ', pin.Pin(self.conf).read())

    def test_no_pin(self) -> None:
        source = pin.Pin(self.conf)
        for content in (b'', b'\n', b'\n1234', b'\xff\xfe'):
            self.write(content)
            self.assertIn('holds no PIN', self.refusal(source))

    def test_missing_and_back(self) -> None:
        source = pin.Pin(self.conf)
        self.file.unlink()
        self.assertIn('No such file', self.refusal(source))
        self.write(PIN)
        self.assertEqual(PIN, source.read())

    def test_open_to_others(self) -> None:
        source = pin.Pin(self.conf)
        for mode in (0o604, 0o602, 0o620, 0o666):
            self.file.chmod(mode)
            self.assertIn('chmod 640', self.refusal(source))
        for mode in (0o400, 0o600, 0o440, 0o640):
            self.file.chmod(mode)
            self.assertEqual(PIN, source.read())

    def test_one_source(self) -> None:
        for file, credential in (('', ''), ('a', 'b')):
            self.conf.set_override('pin_file', file, 'pkcs11')
            self.conf.set_override('pin_credential', credential, 'pkcs11')
            with self.assertRaises(errors.StartupError):
                pin.Pin(self.conf)

    def test_credential(self) -> None:
        self.conf.set_override('pin_file', '', 'pkcs11')
        self.conf.set_override('pin_credential', 'pin', 'pkcs11')
        variables = {'CREDENTIALS_DIRECTORY': str(self.folder)}
        with mock.patch.dict(os.environ, variables):
            source = pin.Pin(self.conf)
            self.assertEqual(PIN, source.read())
            self.file.chmod(0o444)
            self.assertIn('open to group', self.refusal(source))
            self.file.unlink()
            self.assertIn('no credential', self.refusal(source))
            self.conf.set_override('pin_credential', '../pin', 'pkcs11')
            with self.assertRaises(errors.StartupError):
                pin.Pin(self.conf)
        with mock.patch.dict(os.environ, {'CREDENTIALS_DIRECTORY': ''}):
            with self.assertRaises(errors.StartupError):
                pin.Pin(self.conf)
