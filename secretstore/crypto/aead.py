# SPDX-License-Identifier: Apache-2.0
"""Authenticated encryption: AES-256-GCM as in NIST SP 800-38D.

The only place that touches a cipher.  Everything above hands in bytes and
gets bytes, or ``Corrupt``.
"""

import os

from cryptography import exceptions
from cryptography.hazmat.primitives.ciphers import aead

from secretstore import errors

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16
OVERHEAD = NONCE_SIZE + TAG_SIZE


def generate_key() -> bytes:
    """A fresh 256-bit key from the operating system's generator."""
    return os.urandom(KEY_SIZE)


class Aead:
    """Seals and opens under one 256-bit key.

    Sealing hides the plaintext and protects both it and the associated
    data against change; it does not hide the plaintext's length, nor does
    it store the associated data.  Each call draws a random 96-bit nonce,
    so one key should seal at most 2**32 times (SP 800-38D, 8.3).

    Instances may be kept, and used by any number of threads at once.
    """

    __slots__ = ('_cipher',)

    def __init__(self, key: bytes) -> None:
        """Raise ``ValueError`` unless ``key`` has exactly 32 bytes."""
        # AESGCM would take 16 and 24 bytes as well, and a key that was
        # cut short on its way must not quietly become AES-128.
        if len(key) != KEY_SIZE:
            raise ValueError(f'A key has {KEY_SIZE} bytes, not {len(key)}')
        self._cipher = aead.AESGCM(key)

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return nonce, ciphertext and tag as one string of bytes."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, plaintext, associated_data)

    def open(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext that ``seal`` was given.

        Raises ``Corrupt`` when the sealed bytes or the associated data
        differ in any way, or another key sealed them.
        """
        if len(sealed) < OVERHEAD:
            raise errors.Corrupt('The sealed data is too short')
        try:
            return self._cipher.decrypt(
                sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], associated_data
            )
        except exceptions.InvalidTag:
            raise errors.Corrupt(
                'The sealed data was changed, or does not belong here'
            ) from None

    def __repr__(self) -> str:
        return 'Aead(AES-256-GCM)'
