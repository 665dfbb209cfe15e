# SPDX-License-Identifier: Apache-2.0
import base64
import json
import pathlib
from typing import Any
import unittest

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from secretstore import errors
from secretstore.crypto import transport
from secretstore.rpc.interface import SEALED_OVERHEAD
from secretstore.tests.unit.crypto import hpke_builder

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors' / 'transport.json'
SEED = bytes(range(32))
INFO = transport.info_of_secret('7c7f2b3e-4a43-4f0c-9a53-d8f0a3a1c9de')


def seal(public_key: str, payload: bytes, info: bytes) -> bytes:
    """As a client does, with nothing but the library."""
    raw = base64.b64decode(public_key)
    suite = hpke.Suite(
        hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM
    )
    key = hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(raw[:1184]),
        x25519.X25519PublicKey.from_public_bytes(raw[1184:]),
    )
    return suite.encrypt(payload, key, info=info)


class TransportTest(unittest.TestCase):
    def test_seal_and_open(self) -> None:
        public_key = transport.public_key(SEED)
        for payload in (b'', b'payload', bytes(20000)):
            sealed = seal(public_key, payload, INFO)
            self.assertEqual(len(payload) + SEALED_OVERHEAD, len(sealed))
            self.assertEqual(
                payload, transport.open_sealed(SEED, sealed, INFO)
            )

    def test_second_implementation_opens(self) -> None:
        sealed = seal(transport.public_key(SEED), b'payload', INFO)
        self.assertEqual(b'payload', hpke_builder.opened(SEED, sealed, INFO))

    def test_keys_differ(self) -> None:
        seeds = {transport.generate_seed() for _ in range(3)}
        self.assertEqual(3, len({transport.public_key(s) for s in seeds}))
        self.assertEqual({32}, {len(seed) for seed in seeds})

    def test_supported_here(self) -> None:
        self.assertTrue(transport.is_supported())

    def test_wrong_seed_size(self) -> None:
        for seed in (b'', bytes(31), bytes(33)):
            with self.assertRaises(ValueError):
                transport.public_key(seed)

    def test_names_what_it_is_for(self) -> None:
        self.assertEqual(
            b'hpke-mlkem768x25519-hkdf-sha256-aes256gcm project p',
            transport.info_of_project('p'),
        )
        self.assertNotEqual(
            transport.info_of_project('p'), transport.info_of_secret('p')
        )


class RefusalTest(unittest.TestCase):
    def setUp(self) -> None:
        self.sealed = seal(transport.public_key(SEED), b'payload', INFO)

    def assert_refused(
        self, sealed: bytes, info: bytes = INFO, seed: bytes = SEED
    ) -> None:
        with self.assertRaises(errors.NotSealed) as caught:
            transport.open_sealed(seed, sealed, info)
        self.assertNotIn('payload is', caught.exception.message)

    def test_changed(self) -> None:
        for at in (0, 500, 1087, 1088, 1119, 1120, len(self.sealed) - 1):
            changed = bytearray(self.sealed)
            changed[at] ^= 1
            with self.subTest(at=at):
                self.assert_refused(bytes(changed))

    def test_cut(self) -> None:
        for size in (0, 1, 1119, 1120, 1135, len(self.sealed) - 1):
            with self.subTest(size=size):
                self.assert_refused(self.sealed[:size])
        self.assert_refused(self.sealed + b'\0')

    def test_share_of_low_order(self) -> None:
        self.assert_refused(
            self.sealed[:1088] + bytes(32) + self.sealed[1120:]
        )

    def test_for_something_else(self) -> None:
        for info in (
            b'',
            transport.info_of_secret('another'),
            transport.info_of_project('p'),
        ):
            self.assert_refused(self.sealed, info)

    def test_to_another_key(self) -> None:
        self.assert_refused(self.sealed, seed=transport.generate_seed())


class VectorTest(unittest.TestCase):
    """What was fixed once must open for ever."""

    def setUp(self) -> None:
        self.vectors = json.loads(VECTORS.read_text('utf-8'))

    def each(self, result: str) -> list[dict[str, Any]]:
        found = [
            vector
            for vector in self.vectors['vectors']
            if vector['result'] == result
        ]
        self.assertTrue(found)
        return found

    def test_public_keys(self) -> None:
        self.assertEqual(transport.SUITE, self.vectors['suite'])
        for pair in self.vectors['keys']:
            seed = bytes.fromhex(pair['seed'])
            self.assertEqual(pair['public_key'], transport.public_key(seed))

    def test_good_ones_open(self) -> None:
        for vector in self.each('ok'):
            seed, sealed, info = _parts(vector)
            for opened in (transport.open_sealed, hpke_builder.opened):
                with self.subTest(vector['name'], by=opened.__module__):
                    self.assertEqual(
                        vector['payload'], opened(seed, sealed, info).hex()
                    )

    def test_bad_ones_fail(self) -> None:
        for vector in self.each('not sealed'):
            with (
                self.subTest(vector['name']),
                self.assertRaises(errors.NotSealed),
            ):
                transport.open_sealed(*_parts(vector))


def _parts(vector: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    info = {
        'secret': transport.info_of_secret,
        'project': transport.info_of_project,
    }[vector['for'][0]](vector['for'][1])
    return bytes.fromhex(vector['seed']), bytes.fromhex(vector['sealed']), info
