# SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from secretstore import errors
from secretstore.crypto import generate
from secretstore.rpc.interface import MAX_PASS_PHRASE

HMACS = ('hmacsha1', 'hmacsha256', 'hmacsha384', 'hmacsha512')
PASS_PHRASE = ' pass phräse '.encode()
OPENSSL = shutil.which('openssl')


class TestSymmetric(unittest.TestCase):
    def test_lengths(self) -> None:
        for algorithm, lengths in {
            'aes': (64, 128, 192, 256, 384, 512),
            'des': (64, 128, 192, 256),
            '3des': (128, 192),
            'desede': (128, 192),
            **dict.fromkeys(HMACS, (8, 64, 160, 256, 384, 512, 1024, 32760)),
        }.items():
            for bits in lengths:
                for name in (algorithm, algorithm.upper()):
                    with self.subTest(name, bits=bits):
                        key = generate.symmetric(name, bits)
                        self.assertEqual(bits, len(key) * 8)

    def test_no_two_are_the_same(self) -> None:
        keys = {generate.symmetric('aes', 128) for _ in range(1000)}
        self.assertEqual(1000, len(keys))

    def test_odd_parity(self) -> None:
        seen = set()
        for _ in range(300):
            for algorithm in ('des', '3des', 'DESede'):
                seen.update(generate.symmetric(algorithm, 128))
        odd = {byte for byte in range(256) if byte.bit_count() % 2}
        self.assertEqual(odd, seen)

    def test_other_keys_have_any_byte(self) -> None:
        seen = set()
        for _ in range(300):
            seen.update(generate.symmetric('aes', 256))
        self.assertEqual(256, len(seen))

    def test_unsupported(self) -> None:
        for algorithm, bits, reason in (
            ('aes', 160, 'Requested bit length is not supported'),
            ('3des', 64, 'Requested bit length is not supported'),
            ('des', 384, 'Requested bit length is not supported'),
            ('hmacsha256', 32768, 'Requested bit length is not supported'),
            ('RSA', 2048, 'Requested algorithm is not supported'),
            ('ed25519', 256, 'Requested algorithm is not supported'),
            ('diffie_hellman', 256, 'Requested algorithm is not supported'),
            (
                'blowfish',
                128,
                'Secret generate supported plugin not found.',
            ),
        ):
            for act in (generate.check_symmetric, generate.symmetric):
                with self.subTest(algorithm, bits=bits):
                    with self.assertRaises(errors.InvalidInput) as caught:
                        act(algorithm, bits)
                    self.assertEqual(reason, caught.exception.message)


class TestPair(unittest.TestCase):
    def _pair(
        self, algorithm: str, bits: int, pass_phrase: bytes | None = None
    ) -> object:
        """The private key of a pair whose halves fit."""
        pair = generate.pair(algorithm, bits, pass_phrase)
        load = serialization.load_pem_private_key
        load_public = serialization.load_pem_public_key
        if algorithm.lower() == 'dsa':
            load = serialization.load_der_private_key
            load_public = serialization.load_der_public_key
        private = load(pair.private, pass_phrase)
        form = (
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        self.assertEqual(
            private.public_key().public_bytes(*form),
            load_public(pair.public).public_bytes(*form),
        )
        self._openssl_agrees(pair, algorithm, pass_phrase)
        return private

    def _openssl_agrees(
        self,
        pair: generate.KeyPair,
        algorithm: str,
        pass_phrase: bytes | None,
    ) -> None:
        if OPENSSL is None:
            self.skipTest('openssl is not installed')
        form = 'DER' if algorithm.lower() == 'dsa' else 'PEM'
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / 'key').write_bytes(pair.private)
            (folder / 'phrase').write_bytes(pass_phrase or b'unused')
            # Of the private key it shows the public half, and -check says
            # whether its numbers are those of a key.
            shown = subprocess.run(
                [
                    OPENSSL,
                    'pkey',
                    '-check',
                    '-pubout',
                    *('-inform', form, '-outform', form),
                    *('-in', str(folder / 'key')),
                    *('-out', str(folder / 'public')),
                    *('-passin', f'file:{folder}/phrase'),
                ],
                capture_output=True,
                check=False,
            )
            self.assertEqual(0, shown.returncode, shown.stderr)
            public = (folder / 'public').read_bytes()
        # Before it stands that the key is valid.
        self.assertTrue(public.endswith(pair.public), public)

    def test_rsa(self) -> None:
        for bits in (1024, 2048, 3072, 4096):
            with self.subTest(bits=bits):
                key = self._pair('RSA', bits)
                assert isinstance(key, rsa.RSAPrivateKey)
                self.assertEqual(bits, key.key_size)
                self.assertEqual(65537, key.public_key().public_numbers().e)

    def test_dsa(self) -> None:
        # The longer ones take seconds.
        key = self._pair('dsa', 1024)
        assert isinstance(key, dsa.DSAPrivateKey)
        self.assertEqual(1024, key.key_size)

    def test_ec(self) -> None:
        for bits in (256, 384, 521):
            with self.subTest(bits=bits):
                key = self._pair('ec', bits)
                assert isinstance(key, ec.EllipticCurvePrivateKey)
                self.assertEqual(f'secp{bits}r1', key.curve.name)

    def test_ed25519(self) -> None:
        key = self._pair('Ed25519', 256)
        self.assertIsInstance(key, ed25519.Ed25519PrivateKey)

    def test_pass_phrase(self) -> None:
        for algorithm, bits in (
            ('rsa', 1024),
            ('dsa', 1024),
            ('ec', 256),
            ('ed25519', 256),
        ):
            with self.subTest(algorithm):
                self._pair(algorithm, bits, PASS_PHRASE)

    def test_longest_pass_phrase(self) -> None:
        longest = b'x' * MAX_PASS_PHRASE
        pair = generate.pair('ec', 256, longest)
        serialization.load_pem_private_key(pair.private, longest)

    def test_forms(self) -> None:
        for pass_phrase, label in (
            (None, b'-----BEGIN PRIVATE KEY-----\n'),
            (b'x', b'-----BEGIN ENCRYPTED PRIVATE KEY-----\n'),
        ):
            pair = generate.pair('ec', 256, pass_phrase)
            self.assertTrue(pair.private.startswith(label))
            self.assertTrue(
                pair.public.startswith(b'-----BEGIN PUBLIC KEY-----\n')
            )

    def test_unsupported(self) -> None:
        for algorithm, bits, reason in (
            ('rsa', 512, 'Requested bit length is not supported'),
            ('ec', 512, 'Requested bit length is not supported'),
            ('ed25519', 255, 'Requested bit length is not supported'),
            ('AES', 256, 'Requested algorithm is not supported'),
            ('diffie_hellman', 256, 'Requested algorithm is not supported'),
            (
                'nonsense',
                256,
                'Secret generate supported plugin not found.',
            ),
        ):
            for act in (generate.check_pair, generate.pair):
                with self.subTest(algorithm, bits=bits):
                    with self.assertRaises(errors.InvalidInput) as caught:
                        act(algorithm, bits)
                    self.assertEqual(reason, caught.exception.message)
