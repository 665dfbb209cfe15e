# SPDX-License-Identifier: Apache-2.0
"""HPKE written a second time, from the documents, with chosen randomness.

RFC 9180 in base mode, with the X-Wing key encapsulation.  It shares no code
with ``secretstore.crypto`` and none with the library's HPKE: what they agree
on is the format.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers import aead

# KEM X-Wing, KDF HKDF-SHA256, AEAD AES-256-GCM.
SUITE_ID = b'HPKE' + bytes.fromhex('647a00010002')
XWING_LABEL = b'\\.//^\\'
ENCAPSULATED = 1120
MLKEM_CIPHERTEXT = 1088


def expand_seed(
    seed: bytes,
) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    both = hashlib.shake_256(seed).digest(96)
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(both[:64]),
        x25519.X25519PrivateKey.from_private_bytes(both[64:]),
    )


def opened(seed: bytes, sealed: bytes, info: bytes) -> bytes:
    key, nonce = _schedule(_decapsulate(seed, sealed[:ENCAPSULATED]), info)
    return aead.AESGCM(key).decrypt(nonce, sealed[ENCAPSULATED:], b'')


def _decapsulate(seed: bytes, encapsulated: bytes) -> bytes:
    mlkem_key, x25519_key = expand_seed(seed)
    ciphertext = encapsulated[:MLKEM_CIPHERTEXT]
    share = encapsulated[MLKEM_CIPHERTEXT:]
    public = x25519.X25519PublicKey.from_public_bytes(share)
    return hashlib.sha3_256(
        mlkem_key.decapsulate(ciphertext)
        + x25519_key.exchange(public)
        + share
        + x25519_key.public_key().public_bytes_raw()
        + XWING_LABEL
    ).digest()


def _schedule(shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    context = (
        b'\0'
        + _extract(b'', b'psk_id_hash', b'')
        + _extract(b'', b'info_hash', info)
    )
    secret = _extract(shared_secret, b'secret', b'')
    return (
        _expand(secret, b'key', context, 32),
        _expand(secret, b'base_nonce', context, 12),
    )


def _extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    labeled = b'HPKE-v1' + SUITE_ID + label + material
    return hmac.digest(salt or bytes(32), labeled, 'sha256')


def _expand(key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labeled = size.to_bytes(2, 'big') + b'HPKE-v1' + SUITE_ID + label + info
    # One block is enough for what is asked here.
    return hmac.digest(key, labeled + b'\1', 'sha256')[:size]
