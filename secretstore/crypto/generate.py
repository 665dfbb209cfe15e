# SPDX-License-Identifier: Apache-2.0
"""Fresh keys and key pairs, in the forms that clients know.

Algorithms are named in any letter case.  What is not supported raises
``InvalidInput`` with a reason for the caller, in Barbican's words where it
has some.
"""

from collections.abc import Callable, Collection, Mapping
import os
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from secretstore import errors

_PrivateKey = (
    rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
)

_BYTES = range(8, 1 << 15, 8)
_SYMMETRIC: Mapping[str, Collection[int]] = {
    # 64 as by Barbican; 384 and 512 for XTS, which takes two keys in one.
    'aes': (64, 128, 192, 256, 384, 512),
    'des': (64, 128, 192, 256),
    '3des': (128, 192),
    'desede': (128, 192),
    'hmacsha1': _BYTES,
    'hmacsha256': _BYTES,
    'hmacsha384': _BYTES,
    'hmacsha512': _BYTES,
}
_DES = ('des', '3des', 'desede')
_CURVES: Mapping[int, type[ec.EllipticCurve]] = {
    256: ec.SECP256R1,
    384: ec.SECP384R1,
    521: ec.SECP521R1,
}
_PAIRS: Mapping[str, Collection[int]] = {
    'rsa': (1024, 2048, 3072, 4096),
    'dsa': (1024, 2048, 3072, 4096),
    'ec': _CURVES,
    'ed25519': (256,),
}
_MAKE: Mapping[str, Callable[[int], _PrivateKey]] = {
    'rsa': lambda bits: rsa.generate_private_key(65537, bits),
    'dsa': lambda bits: dsa.generate_private_key(bits),
    'ec': lambda bits: ec.generate_private_key(_CURVES[bits]()),
    'ed25519': lambda bits: ed25519.Ed25519PrivateKey.generate(),
}
# Known by name, and never generated.
_ONLY_NAMES = ('diffie_hellman',)
_ODD_PARITY = bytes(
    byte if byte.bit_count() % 2 else byte ^ 1 for byte in range(256)
)


class KeyPair(NamedTuple):
    """PKCS#8 and SubjectPublicKeyInfo: PEM, of DSA keys DER as Barbican's.

    With a pass phrase the private key is encrypted under it (PBES2 with
    AES-256).
    """

    private: bytes
    public: bytes


def check_symmetric(algorithm: str, bit_length: int) -> None:
    """Raise InvalidInput unless ``symmetric`` makes such a key."""
    _check(_SYMMETRIC, algorithm, bit_length)


def symmetric(algorithm: str, bit_length: int) -> bytes:
    """A key of that many bits; those of DES have odd parity (FIPS 46-3)."""
    check_symmetric(algorithm, bit_length)
    key = os.urandom(bit_length // 8)
    return key.translate(_ODD_PARITY) if algorithm.lower() in _DES else key


def check_pair(algorithm: str, bit_length: int) -> None:
    """Raise InvalidInput unless ``pair`` makes such a key pair."""
    _check(_PAIRS, algorithm, bit_length)


def pair(
    algorithm: str, bit_length: int, pass_phrase: bytes | None = None
) -> KeyPair:
    """A key pair; this takes seconds, which other threads may use.

    :param pass_phrase: 1 to 1023 bytes
    """
    check_pair(algorithm, bit_length)
    algorithm = algorithm.lower()
    key = _MAKE[algorithm](bit_length)
    encoding = serialization.Encoding.PEM
    if algorithm == 'dsa':
        encoding = serialization.Encoding.DER
    encryption: serialization.KeySerializationEncryption = (
        serialization.NoEncryption()
    )
    if pass_phrase is not None:
        encryption = serialization.BestAvailableEncryption(pass_phrase)
    return KeyPair(
        key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, encryption
        ),
        key.public_key().public_bytes(
            encoding, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def _check(
    supported: Mapping[str, Collection[int]], algorithm: str, bit_length: int
) -> None:
    name = algorithm.lower()
    if name not in supported:
        if name in (*_SYMMETRIC, *_PAIRS, *_ONLY_NAMES):
            raise errors.InvalidInput('Requested algorithm is not supported')
        raise errors.InvalidInput(
            'Secret generate supported plugin not found.'
        )
    if bit_length not in supported[name]:
        raise errors.InvalidInput('Requested bit length is not supported')
