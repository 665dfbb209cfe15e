# SPDX-License-Identifier: Apache-2.0
import typing
import unittest

from secretstore.security.pkcs11 import blob
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.contract import strategy
from secretstore.tests.functional.services import tokens


class _OnSoftHsm(strategy.StrategyContract, unittest.TestCase):
    form: typing.ClassVar[blob.Form]
    token: typing.ClassVar[tokens.SoftHsm]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.token = tokens.SoftHsm()

    def setUp(self) -> None:
        self.token.use_in(self)
        super().setUp()

    def build(self) -> SecurityWorkflow:
        return SecurityWorkflow(
            self.token.configuration(mechanisms=[self.form.name])
        )

    def made_elsewhere(self) -> str:
        return self.token.import_master_key(self.form)

    def test_wrapped_keys_say_how_they_were_made(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, b'')
        self.assertEqual(self.form.header, wrapped[:2])
        self.assertEqual(self.form.size, len(wrapped))


class GcmTest(_OnSoftHsm):
    form = blob.AES_GCM


class CbcPadHmacTest(_OnSoftHsm):
    form = blob.AES_CBC_PAD_HMAC


class KeyWrapHmacTest(_OnSoftHsm):
    form = blob.AES_KEY_WRAP_HMAC


del _OnSoftHsm
