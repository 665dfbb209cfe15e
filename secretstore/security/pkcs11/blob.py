# SPDX-License-Identifier: Apache-2.0
"""The stored form of a key that a token wrapped.

::

    version    1 byte    1
    mechanism  1 byte    1, 2 or 3

    1  aes-gcm            iv 12 | ciphertext 32 | tag 16              62 bytes
    2  aes-cbc-pad-hmac   iv 16 | ciphertext 48 | HMAC-SHA256 32      98 bytes
    3  aes-key-wrap-hmac  wrapped 40 (RFC 3394) | HMAC-SHA256 32      74 bytes

The sizes include the two bytes in front, and every part has one length
only.  Associated data is a label, the two bytes, and the binding.  GCM takes
it as such; the HMAC, under a second key of the token, covers its length (4
bytes, big endian), itself, and all that follows the two bytes.
"""

import struct
from typing import NamedTuple

from secretstore import errors

VERSION = 1
KEY_SIZE = 32
MAC_SIZE = 32
_LABEL = b'secretstore pkcs11 wrap\0'
_LENGTH = struct.Struct('>I')


class Form(NamedTuple):
    """One way of wrapping: how it is named, and what follows the header."""

    number: int
    name: str
    iv_size: int
    body_size: int
    has_mac: bool

    @property
    def header(self) -> bytes:
        return bytes((VERSION, self.number))

    @property
    def size(self) -> int:
        mac_size = MAC_SIZE if self.has_mac else 0
        return 2 + self.iv_size + self.body_size + mac_size


class Parts(NamedTuple):
    """What a blob consists of; ``mac`` is empty in forms that have none."""

    form: Form
    iv: bytes
    body: bytes
    mac: bytes


AES_GCM = Form(1, 'aes-gcm', 12, KEY_SIZE + 16, False)
AES_CBC_PAD_HMAC = Form(2, 'aes-cbc-pad-hmac', 16, KEY_SIZE + 16, True)
AES_KEY_WRAP_HMAC = Form(3, 'aes-key-wrap-hmac', 0, KEY_SIZE + 8, True)
# In the order of preference.
FORMS = (AES_GCM, AES_CBC_PAD_HMAC, AES_KEY_WRAP_HMAC)
NAMES = tuple(form.name for form in FORMS)
_BY_HEADER = {form.header: form for form in FORMS}


def named(name: str) -> Form:
    """The form of this name; ``KeyError`` when there is none."""
    return {form.name: form for form in FORMS}[name]


def join(parts: Parts) -> bytes:
    """The bytes to store."""
    return parts.form.header + parts.iv + parts.body + parts.mac


def split(blob: bytes) -> Parts:
    """The parts of what was stored.

    Raises ``Corrupt`` unless it begins and ends as one of the forms.
    """
    form = _BY_HEADER.get(blob[:2])
    if form is None:
        raise errors.Corrupt(
            'The wrapped key has an unknown version or mechanism'
        )
    if len(blob) != form.size:
        raise errors.Corrupt('The wrapped key has a wrong length')
    iv_end = 2 + form.iv_size
    body_end = iv_end + form.body_size
    return Parts(form, blob[2:iv_end], blob[iv_end:body_end], blob[body_end:])


def associated_data(form: Form, binding: bytes) -> bytes:
    """What is authenticated beside the wrapped key."""
    return _LABEL + form.header + binding


def authenticated(parts: Parts, binding: bytes) -> bytes:
    """What the HMAC of a blob is computed over."""
    data = associated_data(parts.form, binding)
    return _LENGTH.pack(len(data)) + data + parts.iv + parts.body
