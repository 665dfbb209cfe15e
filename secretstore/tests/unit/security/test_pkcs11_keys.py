# SPDX-License-Identifier: Apache-2.0
"""What the workers say of keys and errors that nobody expects."""

import unittest

from pkcs11 import Attribute, KeyType

from secretstore.security.pkcs11 import finding, keys


class _Key(dict[Attribute, object]):
    """A key as the library's Python package has it."""

    def __getitem__(self, attribute: Attribute) -> object:
        found = super().__getitem__(attribute)
        return found() if callable(found) else found


class OddTest(unittest.TestCase):
    def test_a_type_of_a_vendor(self) -> None:
        ordinary = dict.fromkeys(Attribute)
        ordinary[Attribute.LABEL] = 'a label'
        odd = _Key(
            ordinary | {Attribute.KEY_TYPE: lambda: KeyType(1 << 31 | 7)}
        )
        self.assertEqual('unknown', keys._info(odd).type)
        odd[Attribute.LABEL] = lambda: b'caf\xe9'.decode()
        self.assertEqual('', keys._info(odd).label)

    def test_an_unexpected_error_says_where_and_not_what(self) -> None:
        try:
            int('a secret')
        except ValueError as exc:
            failed = finding.unexpected(exc, 'this key: ')
        self.assertEqual('broken', failed.kind)
        self.assertRegex(
            failed.text, r'^this key: ValueError in test_pkcs11_keys.py:\d+$'
        )
