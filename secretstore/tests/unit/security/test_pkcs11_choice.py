# SPDX-License-Identifier: Apache-2.0
import unittest

from secretstore import errors
from secretstore.security.pkcs11 import choice
from secretstore.security.pkcs11.messages import KeyInfo
from secretstore.security.pkcs11.reference import KeyName

GUARDED = ['PRIVATE', 'SENSITIVE', 'ENCRYPT', 'DECRYPT']


def key(
    label: str = 'site',
    key_id: bytes = b'\x01',
    kind: str = 'AES',
    bits: int = 256,
    attributes: list[str] = GUARDED,
) -> KeyInfo:
    return KeyInfo(label, key_id, kind, bits, attributes)


class ChoiceTest(unittest.TestCase):
    def refused(
        self,
        text: str,
        *keys: KeyInfo,
        failure: type[errors.SecretStoreError] = errors.InvalidInput,
    ) -> str:
        with self.assertRaises(failure) as caught:
            choice.chosen(text, keys)
        return caught.exception.message

    def test_by_each_name(self) -> None:
        ours = KeyName('site', b'\x01\xff')
        keys = [
            key(key_id=ours.id),
            # Of which one may not tell the bits.
            key(key_id=ours.id, kind='GENERIC_SECRET', bits=0),
            key('site-2'),
            key('sit'),
        ]
        for text in ('site', 'site/01ff', 'site/01FF', ours.reference):
            self.assertEqual(ours, choice.chosen(text, keys), text)
            self.assertEqual('site', choice.label_of(text))

    def test_of_two_the_id_tells(self) -> None:
        keys = [key(key_id=b'\x01'), key(key_id=b'\x02')]
        self.assertIn('site/01, site/02', self.refused('site', *keys))
        self.assertEqual(
            KeyName('site', b'\x02'), choice.chosen('site/02', keys)
        )

    def test_two_of_one_name(self) -> None:
        for text in ('site', 'site/01'):
            self.assertIn('2 AES keys', self.refused(text, key(), key()))

    def test_not_there(self) -> None:
        for text in ('other', 'site/02', 'site/', ''):
            message = self.refused(
                text,
                key(),
                key('other', kind='GENERIC_SECRET'),
                failure=errors.MasterKeyNotFound,
            )
            self.assertIn('no such AES key', message)

    def test_not_guarded(self) -> None:
        for wrong, words in (
            (key(attributes=['PRIVATE', 'ENCRYPT']), 'can be read out'),
            (key(attributes=['SENSITIVE']), 'without the PIN'),
            (key(attributes=[*GUARDED, 'WRAP']), 'both wrap and decrypt'),
            (key(attributes=[*GUARDED, 'EXTRACTABLE']), 'can leave the token'),
            (key(bits=128), 'has 128 bits'),
        ):
            self.assertIn(words, self.refused('site', wrong))
        mac = key(kind='GENERIC_SECRET', attributes=['PRIVATE', 'SIGN'])
        self.assertIn(
            'GENERIC_SECRET key can be read', self.refused('site', key(), mac)
        )
        # That of another key.
        other = mac.__class__('site', b'\x02', mac.type, 256, mac.attributes)
        choice.chosen('site', [key(), other])

    def test_names_that_cannot_be_stored(self) -> None:
        for wrong in (
            key(key_id=b''),
            key(key_id=bytes(33)),
            key('a key'),
            key('x' * 101),
        ):
            self.assertIn(
                'give it such a name', self.refused(wrong.label, wrong)
            )

    def test_what_is_no_name(self) -> None:
        self.assertIn('not hexadecimal', self.refused('site/xy', key()))
        with self.assertRaises(errors.MasterKeyNotFound):
            choice.label_of('pkcs11:object=x')
