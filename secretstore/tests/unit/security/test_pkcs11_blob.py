# SPDX-License-Identifier: Apache-2.0
import json
import unittest

from cryptography.exceptions import InvalidTag

from secretstore import errors
from secretstore.conf import pkcs11 as options
from secretstore.security.pkcs11 import blob
from secretstore.tests import software_token

BINDING = b'binding'


class FormTest(unittest.TestCase):
    def test_options_name_all_of_them(self) -> None:
        self.assertEqual(options.MECHANISMS, blob.NAMES)

    def test_sizes(self) -> None:
        self.assertEqual([62, 98, 74], [form.size for form in blob.FORMS])

    def test_split_undoes_join(self) -> None:
        for form in blob.FORMS:
            parts = blob.Parts(
                form,
                b'i' * form.iv_size,
                b'b' * form.body_size,
                b'm' * (blob.MAC_SIZE if form.has_mac else 0),
            )
            self.assertEqual(parts, blob.split(blob.join(parts)))

    def test_every_part_has_one_length(self) -> None:
        # Tokens take any length of IV and tag, also none.
        for form in blob.FORMS:
            whole = form.header + bytes(form.size - 2)
            blob.split(whole)
            for wrong in (whole[:-1], whole + b'\0', form.header):
                with self.assertRaises(errors.Corrupt):
                    blob.split(wrong)

    def test_unknown(self) -> None:
        for header in (b'', b'\1', b'\0\1', b'\2\1', b'\1\0', b'\1\4'):
            with self.assertRaises(errors.Corrupt):
                blob.split(header + bytes(60))

    def test_what_is_authenticated_is_injective(self) -> None:
        form = blob.AES_CBC_PAD_HMAC
        one = blob.Parts(form, b'i' * 16, b'b' * 48, b'')
        other = blob.Parts(form, b'b' + b'i' * 15, b'b' * 48, b'')
        self.assertNotEqual(
            blob.authenticated(one, b'bi'), blob.authenticated(other, b'i')
        )


class VectorsTest(unittest.TestCase):
    def setUp(self) -> None:
        vectors = json.loads(software_token.VECTORS.read_text())
        self.keys = (
            bytes.fromhex(vectors['master_key_hex']),
            bytes.fromhex(vectors['hmac_key_hex']),
        )
        self.key = bytes.fromhex(vectors['key_hex'])
        self.wrapped = [
            (
                row['mechanism'],
                bytes.fromhex(row['wrapped_hex']),
                bytes.fromhex(row['binding_hex']),
            )
            for row in vectors['wrapped']
        ]

    def test_all_forms(self) -> None:
        names = {name for name, _, _ in self.wrapped}
        self.assertEqual(set(blob.NAMES), names)
        for name, wrapped, _ in self.wrapped:
            self.assertEqual(name, blob.split(wrapped).form.name)

    def test_software_opens_what_the_token_made(self) -> None:
        for name, wrapped, binding in self.wrapped:
            with self.subTest(name):
                found = software_token.unwrap(*self.keys, wrapped, binding)
                self.assertEqual(self.key, found)

    def test_binding_counts(self) -> None:
        for _, wrapped, binding in self.wrapped:
            with self.assertRaises((InvalidTag, ValueError)):
                software_token.unwrap(*self.keys, wrapped, binding + b'\0')
