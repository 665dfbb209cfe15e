# SPDX-License-Identifier: Apache-2.0
"""Wrapping inside a token, form by form; runs in the workers only.

What must stay secret is encrypted in the token, with keys that never leave
it.  The tag of ``hmac`` forms is computed in the token and compared here,
before anything is decrypted.
"""

from collections.abc import Callable
import hmac
import os
from typing import Any, NamedTuple

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from secretstore import errors
from secretstore.security.pkcs11 import blob

# A session object that exists for the length of one call.
_PASSING: dict[Attribute, Any] = {
    Attribute.TOKEN: False,
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}


class Pair(NamedTuple):
    """A master key as handles: what encrypts, and what authenticates."""

    session: pkcs11.Session
    cipher: Any
    mac: Any


class Way(NamedTuple):
    """How one form is done with the handles of a key.

    ``capabilities`` is all that the key may be used for: one that may both
    decrypt and wrap could be made to give other keys of the token away.
    """

    form: blob.Form
    needs: tuple[tuple[Mechanism, MechanismFlag], ...]
    capabilities: MechanismFlag
    encrypt: Callable[[Pair, bytes, bytes, bytes], bytes]
    decrypt: Callable[[Pair, bytes, bytes, bytes], bytes]

    def wrap(self, pair: Pair, key: bytes, binding: bytes) -> bytes:
        """The blob for a key of 32 bytes."""
        iv = os.urandom(self.form.iv_size)
        data = blob.associated_data(self.form, binding)
        body = self.encrypt(pair, iv, key, data)
        if len(body) != self.form.body_size:
            raise pkcs11.PKCS11Error('the ciphertext has a wrong length')
        parts = blob.Parts(self.form, iv, body, b'')
        if self.form.has_mac:
            parts = parts._replace(mac=_mac(pair, parts, binding))
        return blob.join(parts)

    def unwrap(self, pair: Pair, parts: blob.Parts, binding: bytes) -> bytes:
        """The key; ``Corrupt`` when the HMAC is another.

        A token that is well says to a wrong tag of GCM what a broken one
        says to everything, so that is for the caller to find out.
        """
        if self.form.has_mac and not hmac.compare_digest(
            parts.mac, _mac(pair, parts, binding)
        ):
            raise errors.Corrupt('its HMAC does not fit')
        data = blob.associated_data(self.form, binding)
        key = self.decrypt(pair, parts.iv, parts.body, data)
        if len(key) != blob.KEY_SIZE:
            raise errors.Corrupt('what is in it is no key')
        return key


def _mac(pair: Pair, parts: blob.Parts, binding: bytes) -> bytes:
    return bytes(
        pair.mac.sign(
            blob.authenticated(parts, binding), mechanism=Mechanism.SHA256_HMAC
        )
    )


def _gcm(iv: bytes, data: bytes) -> dict[str, Any]:
    return {
        'mechanism': Mechanism.AES_GCM,
        'mechanism_param': pkcs11.GCMParams(iv, aad=data, tag_bits=128),
    }


def _gcm_encrypt(pair: Pair, iv: bytes, key: bytes, data: bytes) -> bytes:
    return bytes(pair.cipher.encrypt(key, **_gcm(iv, data)))


def _gcm_decrypt(pair: Pair, iv: bytes, body: bytes, data: bytes) -> bytes:
    return bytes(pair.cipher.decrypt(body, **_gcm(iv, data)))


def _cbc(iv: bytes) -> dict[str, Any]:
    return {'mechanism': Mechanism.AES_CBC_PAD, 'mechanism_param': iv}


def _cbc_encrypt(pair: Pair, iv: bytes, key: bytes, _: bytes) -> bytes:
    return bytes(pair.cipher.encrypt(key, **_cbc(iv)))


def _cbc_decrypt(pair: Pair, iv: bytes, body: bytes, _: bytes) -> bytes:
    return bytes(pair.cipher.decrypt(body, **_cbc(iv)))


def _key_wrap(pair: Pair, _iv: bytes, key: bytes, _data: bytes) -> bytes:
    passing = pair.session.create_object(
        _PASSING
        | {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: key,
        }
    )
    try:
        return bytes(
            pair.cipher.wrap_key(passing, mechanism=Mechanism.AES_KEY_WRAP)
        )
    finally:
        passing.destroy()


def _key_unwrap(pair: Pair, _iv: bytes, body: bytes, _data: bytes) -> bytes:
    passing = pair.cipher.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType.AES,
        body,
        mechanism=Mechanism.AES_KEY_WRAP,
        capabilities=MechanismFlag(0),
        template=_PASSING,
    )
    try:
        return bytes(passing[Attribute.VALUE])
    finally:
        passing.destroy()


_CRYPT = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
_WRAP = MechanismFlag.WRAP | MechanismFlag.UNWRAP
_MAC = (
    (Mechanism.SHA256_HMAC, MechanismFlag.SIGN),
    (Mechanism.GENERIC_SECRET_KEY_GEN, MechanismFlag.GENERATE),
)
_KEY_GEN = ((Mechanism.AES_KEY_GEN, MechanismFlag.GENERATE),)

WAYS = {
    way.form: way
    for way in (
        Way(
            blob.AES_GCM,
            ((Mechanism.AES_GCM, _CRYPT), *_KEY_GEN),
            _CRYPT,
            _gcm_encrypt,
            _gcm_decrypt,
        ),
        Way(
            blob.AES_CBC_PAD_HMAC,
            ((Mechanism.AES_CBC_PAD, _CRYPT), *_KEY_GEN, *_MAC),
            _CRYPT,
            _cbc_encrypt,
            _cbc_decrypt,
        ),
        Way(
            blob.AES_KEY_WRAP_HMAC,
            ((Mechanism.AES_KEY_WRAP, _WRAP), *_KEY_GEN, *_MAC),
            _WRAP,
            _key_wrap,
            _key_unwrap,
        ),
    )
}
