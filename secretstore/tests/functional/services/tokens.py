# SPDX-License-Identifier: Apache-2.0
"""Tokens that speak PKCS#11, each with nothing but what a test puts there."""

import abc
from collections.abc import Sequence
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import sys
import typing
import unittest
from unittest import mock

from oslo_config import cfg

from secretstore import conf as options
from secretstore.security.pkcs11 import blob
from secretstore.tests.functional.services import process, system


class Token(abc.ABC):
    """A token with a library, a label, and a user whose PIN is in a file."""

    label: str
    pin: str

    def __init__(self, name: str) -> None:
        self.folder = process.new_folder(name)
        self.pin_file = self.folder / 'pin'
        self.label = f'test-{secrets.token_hex(4)}'
        self.pin = str(secrets.randbelow(9 * 10**7) + 10**7)
        self.so_pin = str(secrets.randbelow(9 * 10**7) + 10**7)
        self.write_pin(self.pin)

    @property
    @abc.abstractmethod
    def library(self) -> pathlib.Path:
        """The file that speaks PKCS#11."""

    def environment(self) -> dict[str, str]:
        """What the library needs to find this token."""
        return {}

    def write_pin(self, pin: str) -> None:
        self.pin_file.write_text(f'{pin}\n')
        self.pin_file.chmod(0o600)

    def options(self) -> dict[str, object]:
        """The group [pkcs11] of a service that uses it."""
        return {
            'library_path': self.library,
            'token_label': self.label,
            'pin_file': self.pin_file,
        }

    def configuration(self, **more: object) -> cfg.ConfigOpts:
        """A configuration of its own with these options."""
        conf = cfg.ConfigOpts()
        options.register_opts(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        conf.set_override('security_strategy', 'pkcs11')
        conf.set_override('state_path', str(self.folder))
        for name, value in (self.options() | more).items():
            if isinstance(value, pathlib.Path):
                value = str(value)
            conf.set_override(name, value, 'pkcs11')
        return conf

    def use_in(self, test: unittest.TestCase) -> None:
        """Have processes that *test* starts find it."""
        change = mock.patch.dict(os.environ, self.environment())
        change.start()
        test.addCleanup(change.stop)

    def import_keys(self, *keys: dict[str, object]) -> None:
        """Put secret keys into the token, as from a backup."""
        self._do(keys=keys)

    def change_pin(self, pin: str) -> None:
        """Give the user another PIN, and leave the file as it is."""
        self._do(keys=[], new_pin=pin)
        self.pin = pin

    def _do(self, **what: object) -> None:
        asked = {
            'library': str(self.library),
            'label': self.label,
            'pin': self.pin,
            **what,
        }
        program = pathlib.Path(__file__).with_name('token_program.py')
        system.run(
            [sys.executable, '-I', program],
            env=system.environment(**self.environment()),
            text=json.dumps(asked),
        )

    def import_master_key(self, form: blob.Form) -> str:
        """Put one more master key into the token; its label."""
        key_id = secrets.token_bytes(8)
        label = f'imported-{key_id.hex()}'
        self.import_keys(
            *master_key(
                form,
                label,
                key_id,
                [secrets.token_bytes(32) for _ in range(2)],
            )
        )
        return label


def master_key(
    form: blob.Form, label: str, key_id: bytes, values: Sequence[bytes]
) -> list[dict[str, object]]:
    """All that makes one up, to import; the HMAC key's value is the second."""
    make = wrapping_aes if form is blob.AES_KEY_WRAP_HMAC else aes
    keys = [make(label, key_id, values[0])]
    if form.has_mac:
        keys.append(hmac(label, key_id, values[1]))
    return keys


def aes(label: str, key_id: bytes, key: bytes) -> dict[str, object]:
    """A master key to import, for mechanisms that encrypt."""
    return {
        'KEY_TYPE': 'AES',
        'LABEL': label,
        'ID': key_id.hex(),
        'VALUE': key.hex(),
        'SENSITIVE': True,
        'EXTRACTABLE': False,
        'PRIVATE': True,
        'ENCRYPT': True,
        'DECRYPT': True,
        # SoftHSM gives a right that is not mentioned.
        'WRAP': False,
        'UNWRAP': False,
    }


def wrapping_aes(label: str, key_id: bytes, key: bytes) -> dict[str, object]:
    """A master key to import, for mechanisms that wrap."""
    described = aes(label, key_id, key) | {'WRAP': True, 'UNWRAP': True}
    return described | {'ENCRYPT': False, 'DECRYPT': False}


def hmac(label: str, key_id: bytes, key: bytes) -> dict[str, object]:
    """The HMAC key of a master key, to import."""
    described = aes(label, key_id, key) | {'KEY_TYPE': 'GENERIC_SECRET'}
    return described | {'ENCRYPT': False, 'DECRYPT': False, 'SIGN': True}


class SoftHsm(Token):
    """A token of SoftHSM in a folder of its own."""

    _places = (
        '/usr/lib/softhsm/libsofthsm2.so',
        '/usr/lib64/pkcs11/libsofthsm2.so',
        '/usr/lib64/softhsm/libsofthsm2.so',
        '/usr/local/lib/softhsm/libsofthsm2.so',
    )

    def __init__(self) -> None:
        self._util = system.find('softhsm2-util', 'softhsm2')
        super().__init__('softhsm')
        self.store = self.folder / 'tokens'
        self.config = self.folder / 'softhsm2.conf'
        self.allow()
        self.store.mkdir()
        self.initialise()

    @property
    def library(self) -> pathlib.Path:
        for place in self._places:
            if pathlib.Path(place).exists():
                return pathlib.Path(place)
        system.missing('libsofthsm2.so not found: install softhsm2')

    def environment(self) -> dict[str, str]:
        return {'SOFTHSM2_CONF': str(self.config)}

    def allow(self, *mechanisms: str) -> None:
        """Have it do only these, or all; running processes go on as before."""
        listed = ','.join(mechanisms) or 'ALL'
        self.config.write_text(
            f'directories.tokendir = {self.store}\n'
            f'objectstore.backend = file\nlog.level = ERROR\n'
            f'slots.mechanisms = {listed}\n'
        )

    def initialise(self) -> None:
        """Make the token, or another one of the same label."""
        self.util(
            '--init-token', '--free', '--label', self.label,
            '--so-pin', self.so_pin, '--pin', self.pin,
        )  # fmt: skip

    def remove(self) -> None:
        """Take the token away with all that is in it."""
        for each in self.store.iterdir():
            shutil.rmtree(each)

    @contextlib.contextmanager
    def away(self) -> typing.Iterator[None]:
        """Have no token for a while; then the same one is back."""
        elsewhere = self.folder / 'elsewhere'
        self.store.rename(elsewhere)
        self.store.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(self.store)
            elsewhere.rename(self.store)

    def util(self, *words: str) -> str:
        env = system.environment(**self.environment())
        return system.run([self._util, *words], env=env)
