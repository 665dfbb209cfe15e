# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates as users have them, made anew for each process."""

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

Encoding = serialization.Encoding


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key(encoding: Encoding) -> bytes:
    """PKCS#8, not encrypted."""
    return _key().private_bytes(
        encoding,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_key(encoding: Encoding) -> bytes:
    """SubjectPublicKeyInfo of the private key."""
    return (
        _key()
        .public_key()
        .public_bytes(
            encoding, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


@functools.cache
def _certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'test')])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    return builder.sign(_key(), hashes.SHA256())


def certificate(encoding: Encoding) -> bytes:
    """X.509, signed by the private key."""
    return _certificate().public_bytes(encoding)
