# SPDX-License-Identifier: Apache-2.0
"""A PIN is presented once, and is nowhere to be seen."""

from concurrent import futures
import gc
import os
import pathlib
import signal
import time
from types import FrameType
import typing
import unittest
from unittest import mock

from secretstore import errors
from secretstore.security.pkcs11 import starter
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.functional import pkcs11_base
from secretstore.tests.functional.services import (
    libraries,
    opencryptoki,
    process,
)

WRONG = '00000000'
# What a token says after one wrong PIN, and after two.
ONE = 'USER_PIN_COUNT_LOW'
TWO = 'USER_PIN_FINAL_TRY'


class TestAttempts(unittest.TestCase):
    """On a token that counts, and locks itself after the third."""

    token: typing.ClassVar[opencryptoki.OpenCryptoki]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.token = opencryptoki.OpenCryptoki()
        cls.enterClassContext(cls.token)

    def setUp(self) -> None:
        self.conf = self.token.configuration(workers=4, pin_file=self.file())
        # What was refused in another test is not remembered.
        state = process.new_folder('state')
        self.conf.set_override('state_path', str(state))
        self.strategy = SecurityWorkflow(self.conf)
        self.strategy.start()
        self.addCleanup(self.strategy.stop)
        self.assertNotIn('USER_PIN_', self.counted())

    def file(self) -> pathlib.Path:
        self.token.write_pin(self.token.pin)
        return self.token.pin_file

    def counted(self) -> str:
        return self.token.flags().replace('USER_PIN_INITIALIZED', '')

    def failures(self) -> set[str]:
        """What 32 threads are told at the same time."""

        def call(_: int) -> str:
            try:
                self.strategy.check()
            except errors.MasterKeyUnusable as exc:
                return exc.message
            return 'works'

        with futures.ThreadPoolExecutor(32) as pool:
            return set(pool.map(call, range(32)))

    def lose_workers(self) -> None:
        for worker in pkcs11_base.workers():
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.2)

    def test_one_attempt(self) -> None:
        self.token.write_pin(WRONG)
        self.lose_workers()
        for message in self.failures() | self.failures():
            self.assertIn(str(self.token.pin_file), message)
            self.assertIn('the token refused this PIN', message)
            self.assertIn('put the right one into the file', message)
            self.assertNotIn(WRONG, message)
        # Another time of change is not another PIN.
        self.token.pin_file.touch()
        self.failures()
        self.assertIn(ONE, self.counted())
        self.token.write_pin(self.token.pin)
        self.assertEqual({'works'}, self.failures())
        self.assertNotIn('USER_PIN_', self.counted())

    def test_never_the_last_one(self) -> None:
        self.lose_workers()
        for number in range(4):
            self.token.write_pin(f'{WRONG[1:]}{number}')
            with self.assertRaises(errors.MasterKeyUnusable) as caught:
                SecurityWorkflow(self.conf).start()
        self.assertIn(
            'one more wrong PIN would lock', caught.exception.message
        )
        self.assertIn(TWO, self.counted())
        self.token.import_keys()
        self.token.write_pin(self.token.pin)
        self.failures()
        time.sleep(0.6)
        self.assertEqual({'works'}, self.failures())


class TestPin(pkcs11_base.TokenTest):
    def test_not_in_sight(self) -> None:
        (worker,) = pkcs11_base.workers()
        for name in ('cmdline', 'environ'):
            content = pathlib.Path(f'/proc/{worker}/{name}').read_bytes()
            self.assertNotIn(self.token.pin.encode(), content)

    def test_not_kept_after_a_failure(self) -> None:
        logins = libraries.Logins(self.token)
        self.strategy.stop()
        self.strategy = self.started(library_path=logins.library)
        logins.crash.touch()
        os.kill(pkcs11_base.workers()[0], signal.SIGKILL)
        for _ in range(2):
            self.assertIn('died of SIGABRT', self.refusal())
        gc.collect()
        frames = [f for f in gc.get_objects() if isinstance(f, FrameType)]
        starting = starter.Starter._start.__code__
        self.assertNotIn(starting, [frame.f_code for frame in frames])

    def test_wrong_at_the_start(self) -> None:
        self.token.write_pin(WRONG)
        message = self.refusal(self.started)
        self.assertIn('refused this PIN (PinIncorrect)', message)

    def test_from_systemd(self) -> None:
        folder = self.token.folder / 'credentials'
        folder.mkdir()
        file = folder / 'hsm-pin'
        file.write_text(self.token.pin)
        file.chmod(0o400)
        change = {'CREDENTIALS_DIRECTORY': str(folder)}
        with mock.patch.dict(os.environ, change):
            self.strategy = self.started(pin_file='', pin_credential='hsm-pin')
            self.assert_works()
        with self.assertRaises(errors.StartupError) as caught:
            self.started(pin_file='', pin_credential='hsm-pin')
        self.assertIn('LoadCredential=hsm-pin', caught.exception.message)
