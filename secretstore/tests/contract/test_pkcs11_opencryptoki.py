# SPDX-License-Identifier: Apache-2.0
import typing
import unittest

from secretstore.security.pkcs11 import blob
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.contract import strategy
from secretstore.tests.functional.services import opencryptoki


class OpenCryptokiTest(strategy.StrategyContract, unittest.TestCase):
    token: typing.ClassVar[opencryptoki.OpenCryptoki]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.token = opencryptoki.OpenCryptoki()
        cls.enterClassContext(cls.token)

    def build(self) -> SecurityWorkflow:
        return SecurityWorkflow(self.token.configuration())

    def made_elsewhere(self) -> str:
        return self.token.import_master_key(blob.AES_CBC_PAD_HMAC)

    def test_wrapped_keys_say_how_they_were_made(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, b'')
        self.assertEqual(blob.AES_CBC_PAD_HMAC.header, wrapped[:2])
        self.assertEqual(blob.AES_CBC_PAD_HMAC.size, len(wrapped))
