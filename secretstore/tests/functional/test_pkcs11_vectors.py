# SPDX-License-Identifier: Apache-2.0
"""Tokens with known keys open what was stored, and software what they make.

What a release stored stays readable, on another make of token as well.
"""

import contextlib
import json
import os
import typing
import unittest

from secretstore.security.pkcs11 import blob, reference
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests import software_token
from secretstore.tests.functional.services import opencryptoki, tokens

_Key = dict[str, object]


class TestVectors(unittest.TestCase):
    def setUp(self) -> None:
        self.vectors = json.loads(software_token.VECTORS.read_text())
        self.keys = (self._bytes('master_key'), self._bytes('hmac_key'))

    def _bytes(self, name: str) -> bytes:
        return bytes.fromhex(self.vectors[f'{name}_hex'])

    def rows(self, form: blob.Form) -> list[dict[str, str]]:
        return [
            row
            for row in self.vectors['wrapped']
            if row['mechanism'] == form.name
        ]

    def fill(self, token: tokens.Token, forms: tuple[blob.Form, ...]) -> None:
        keys: list[_Key] = []
        for form in forms:
            name = reference.parse(self.rows(form)[0]['reference'])
            keys += tokens.master_key(form, *name, self.keys)
        token.import_keys(*keys)

    def check(self, token: tokens.Token, forms: tuple[blob.Form, ...]) -> None:
        self.fill(token, forms)
        for form in forms:
            with self.subTest(form.name):
                # What is enabled is for new master keys only.
                any_form = forms[0] if form is not forms[0] else forms[-1]
                self.opens(form, token, any_form)
                self.makes(form, token)

    def opens(
        self, form: blob.Form, token: tokens.Token, enabled: blob.Form
    ) -> None:
        with started(token, enabled) as strategy:
            for row in self.rows(form):
                key = strategy.unwrap(
                    row['reference'],
                    bytes.fromhex(row['wrapped_hex']),
                    bytes.fromhex(row['binding_hex']),
                )
                self.assertEqual(self._bytes('key'), key)
            wrapped = strategy.wrap(row['reference'], bytes(32), b'')
            self.assertEqual(form.header, wrapped[:2])

    def makes(self, form: blob.Form, token: tokens.Token) -> None:
        name = self.rows(form)[0]['reference']
        with started(token, form) as strategy:
            for binding in (b'', b'binding'):
                key = os.urandom(32)
                wrapped = strategy.wrap(name, key, binding)
                self.assertEqual(
                    key, software_token.unwrap(*self.keys, wrapped, binding)
                )

    def test_softhsm(self) -> None:
        token = tokens.SoftHsm()
        token.use_in(self)
        self.check(token, blob.FORMS)

    def test_opencryptoki(self) -> None:
        with opencryptoki.OpenCryptoki() as token:
            self.check(token, (blob.AES_CBC_PAD_HMAC,))


@contextlib.contextmanager
def started(
    token: tokens.Token, form: blob.Form
) -> typing.Iterator[SecurityWorkflow]:
    """A strategy on a token, with one mechanism enabled."""
    conf = token.configuration(mechanisms=[form.name])
    strategy = SecurityWorkflow(conf)
    strategy.start()
    try:
        yield strategy
    finally:
        strategy.stop()
