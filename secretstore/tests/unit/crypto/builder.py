# SPDX-License-Identifier: Apache-2.0
"""Envelopes written a second time, with chosen keys and nonces.

It shares no code with ``secretstore.crypto``: what both agree on is the
format.
"""

import struct
import uuid

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

WRAP_LABEL = b'secretstore envelope data key\0'
PAYLOAD_LABEL = b'secretstore envelope payload\0'


def seal(key: bytes, nonce: bytes, text: bytes, context: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES256(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(context)
    ciphertext = encryptor.update(text) + encryptor.finalize()
    return nonce + ciphertext + encryptor.tag


def bound(*parts: str) -> bytes:
    encoded = [part.encode('utf-8') for part in parts]
    return b''.join(struct.pack('>I', len(p)) + p for p in encoded)


def record(
    project_key: bytes,
    key_id: uuid.UUID,
    data_key: bytes,
    nonces: tuple[bytes, bytes],
    payload: bytes,
    binding: bytes,
) -> bytes:
    header = b'\1' + key_id.bytes
    wrap_context = WRAP_LABEL + header + binding
    return (
        header
        + seal(project_key, nonces[0], data_key, wrap_context)
        + seal(data_key, nonces[1], payload, PAYLOAD_LABEL + binding)
    )
