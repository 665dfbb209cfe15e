# SPDX-License-Identifier: Apache-2.0
import unittest

from hypothesis import given
from hypothesis import strategies as st

from secretstore import errors
from secretstore.security.pkcs11 import reference


class ReferenceTest(unittest.TestCase):
    def test_a_uri_of_rfc_7512(self) -> None:
        name = reference.KeyName('hsm-1', b'\x00\xff')
        self.assertEqual(
            'pkcs11:object=hsm-1;id=%00%ff;type=secret-key', name.reference
        )
        self.assertEqual(name, reference.parse(name.reference))

    def test_fits_into_the_database(self) -> None:
        longest = reference.KeyName('a' * 100, b'\0' * 32)
        self.assertLessEqual(len(longest.reference), 255)
        self.assertEqual(longest, reference.parse(longest.reference))

    def test_new_ones_differ(self) -> None:
        prefix = 'p' * 60
        self.assertTrue(reference.is_prefix(prefix))
        names = {reference.new(prefix) for _ in range(10)}
        self.assertEqual(10, len(names))
        for name in names:
            self.assertEqual(name, reference.parse(name.reference))

    def test_prefixes(self) -> None:
        for wrong in ('', 'p' * 61, 'a b', 'a;b', 'a%', 'ä', 'a\n'):
            self.assertFalse(reference.is_prefix(wrong), wrong)

    @given(st.text())
    def test_anything_else(self, text: str) -> None:
        for wrong in (text, f'pkcs11:object={text};id=%00', f'{text}\n'):
            with self.assertRaises(errors.MasterKeyNotFound):
                reference.parse(wrong)
