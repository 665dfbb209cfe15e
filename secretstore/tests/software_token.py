# SPDX-License-Identifier: Apache-2.0
"""What tokens do when they wrap a key, done again in software.

Written from the description of the form, not from the code that drives
tokens: master key and HMAC key are at hand here, as they never are there.
"""

import hashlib
import hmac
import pathlib

from cryptography.hazmat.primitives import keywrap, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VECTORS = pathlib.Path(__file__).with_name('vectors') / 'pkcs11.json'


def unwrap(
    master_key: bytes, hmac_key: bytes, wrapped: bytes, binding: bytes
) -> bytes:
    """The wrapped key; raises whatever is at hand when it does not open."""
    data = b'secretstore pkcs11 wrap\0' + wrapped[:2] + binding
    if wrapped[:2] == b'\1\1':
        return AESGCM(master_key).decrypt(wrapped[2:14], wrapped[14:], data)
    body, tag = wrapped[2:-32], wrapped[-32:]
    covered = len(data).to_bytes(4, 'big') + data + body
    computed = hmac.digest(hmac_key, covered, hashlib.sha256)
    if not hmac.compare_digest(tag, computed):
        raise ValueError('HMAC')
    if wrapped[:2] == b'\1\2':
        return _cbc(master_key, body[:16], body[16:])
    if wrapped[:2] == b'\1\3':
        return keywrap.aes_key_unwrap(master_key, body)
    raise ValueError('form')


def _cbc(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()
