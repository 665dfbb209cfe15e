# SPDX-License-Identifier: Apache-2.0
"""Payloads that clients seal to a public key: HPKE (RFC 9180), single-shot.

The key encapsulation is X-Wing, that is ML-KEM-768 and X25519 together
(KEM 0x647a), with HKDF-SHA256 and AES-256-GCM.  What is sealed stays secret
while either of the two encapsulations holds.

A sealed payload is the encapsulated key (1120 bytes), the ciphertext and
the tag.  Its ``info`` names what it is for, so that it opens for nothing
else.
"""

import base64
import hashlib
import os

from cryptography import exceptions
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from secretstore import errors

SUITE = 'hpke-mlkem768x25519-hkdf-sha256-aes256gcm'
SEED_SIZE = 32

_MLKEM_SEED_SIZE = 64
_X25519_SIZE = 32


def is_supported() -> bool:
    """Whether the library below has ML-KEM; some OpenSSLs do not."""
    try:
        mlkem.MLKEM768PrivateKey.generate()
    except exceptions.UnsupportedAlgorithm:
        return False
    return True


def generate_seed() -> bytes:
    """A fresh private key, in X-Wing's own form."""
    return os.urandom(SEED_SIZE)


def public_key(seed: bytes) -> str:
    """The public key as text: base64 of ML-KEM's, then X25519's, 1216 bytes.

    Raises ``ValueError`` unless the seed has 32 bytes.
    """
    mlkem_key, x25519_key = _private_keys(seed)
    return base64.b64encode(
        mlkem_key.public_key().public_bytes_raw()
        + x25519_key.public_key().public_bytes_raw()
    ).decode('ascii')


def info_of_secret(secret_id: str) -> bytes:
    """What is sealed for one secret, which exists by then."""
    return f'{SUITE} secret {secret_id}'.encode()


def info_of_project(project_id: str) -> bytes:
    """What is sealed for a new secret of one project."""
    return f'{SUITE} project {project_id}'.encode()


def open_sealed(seed: bytes, sealed: bytes, info: bytes) -> bytes:
    """The payload; ``NotSealed`` when it was not sealed to us for this."""
    suite = hpke.Suite(
        hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM
    )
    key = hpke.MLKEM768X25519PrivateKey(*_private_keys(seed))
    try:
        return suite.decrypt(sealed, key, info=info)
    except (exceptions.InvalidTag, ValueError):
        raise errors.NotSealed('Sealed payload cannot be opened') from None


def _private_keys(
    seed: bytes,
) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    if len(seed) != SEED_SIZE:
        raise ValueError(f'A seed has {SEED_SIZE} bytes, not {len(seed)}')
    both = hashlib.shake_256(seed).digest(_MLKEM_SEED_SIZE + _X25519_SIZE)
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(both[:_MLKEM_SEED_SIZE]),
        x25519.X25519PrivateKey.from_private_bytes(both[_MLKEM_SEED_SIZE:]),
    )
