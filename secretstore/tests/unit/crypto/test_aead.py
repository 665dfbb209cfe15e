# SPDX-License-Identifier: Apache-2.0
from concurrent import futures
import unittest

import hypothesis
from hypothesis import strategies as st

from secretstore import errors
from secretstore.crypto import aead

KEY = bytes(range(32))


class AeadTest(unittest.TestCase):
    def setUp(self) -> None:
        self.aead = aead.Aead(KEY)

    def test_opens_what_the_authors_of_gcm_sealed(self) -> None:
        """Test case 16 of McGrew and Viega's specification of GCM."""
        key = bytes.fromhex('feffe9928665731c6d6a8f9467308308' * 2)
        sealed = bytes.fromhex(
            'cafebabefacedbaddecaf888'
            '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa'
            '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662'
            '76fc6ece0f4e1768cddf8853bb2d551b'
        )
        plaintext = bytes.fromhex(
            'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72'
            '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39'
        )
        context = bytes.fromhex('feedfacedeadbeeffeedfacedeadbeefabaddad2')
        self.assertEqual(plaintext, aead.Aead(key).open(sealed, context))

    @hypothesis.given(st.binary(), st.binary())
    def test_round_trip(self, plaintext: bytes, context: bytes) -> None:
        sealed = self.aead.seal(plaintext, context)
        self.assertEqual(len(plaintext) + aead.OVERHEAD, len(sealed))
        self.assertEqual(plaintext, self.aead.open(sealed, context))

    def test_only_256_bit_keys(self) -> None:
        for size in (0, 16, 24, 31, 33):
            with self.subTest(size=size), self.assertRaises(ValueError):
                aead.Aead(bytes(size))

    def test_generated_keys_fit_and_differ(self) -> None:
        keys = {aead.generate_key() for _ in range(100)}
        self.assertEqual(100, len(keys))
        for key in keys:
            aead.Aead(key)

    def test_nonces_differ(self) -> None:
        sealed = {self.aead.seal(b'', b'')[:12] for _ in range(100)}
        self.assertEqual(100, len(sealed))

    def test_refuses_what_it_did_not_seal(self) -> None:
        sealed = self.aead.seal(b'payload', b'here')
        cases = {
            'another context': (self.aead, sealed, b'there'),
            'another key': (aead.Aead(bytes(32)), sealed, b'here'),
            'too long': (self.aead, sealed + b'\0', b'here'),
        }
        for size in range(len(sealed)):
            cases[f'cut to {size}'] = (self.aead, sealed[:size], b'here')
        for name, (opener, changed, context) in cases.items():
            with self.subTest(name), self.assertRaises(errors.Corrupt):
                opener.open(changed, context)

    def test_the_key_stays_inside(self) -> None:
        for shown in (repr(self.aead), str(self.aead), f'{self.aead}'):
            self.assertNotIn(KEY.hex(), shown)
            self.assertNotIn(str(KEY), shown)
            self.assertIn('Aead', shown)

    def test_many_threads_share_one(self) -> None:
        def work(number: int) -> bool:
            mine = b'%d' % number * 50
            return all(
                self.aead.open(self.aead.seal(mine, mine), mine) == mine
                for _ in range(200)
            )

        with futures.ThreadPoolExecutor(16) as pool:
            self.assertTrue(all(pool.map(work, range(64))))
