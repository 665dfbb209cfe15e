# SPDX-License-Identifier: Apache-2.0
"""Which key of a token an operator means, and whether it may be used."""

from collections.abc import Sequence

from secretstore import errors
from secretstore.security.pkcs11 import blob
from secretstore.security.pkcs11.messages import KeyInfo
from secretstore.security.pkcs11.reference import KeyName, parse

_ENCRYPTING = {'ENCRYPT', 'DECRYPT'}
_WRAPPING = {'WRAP', 'UNWRAP'}


def label_of(text: str) -> str:
    """The label in ``LABEL``, ``LABEL/ID`` or a reference."""
    return _wanted(text)[0]


def chosen(text: str, keys: Sequence[KeyInfo]) -> KeyName:
    """The name of the AES key that is meant.

    Raises ``MasterKeyNotFound`` when there is none, and ``InvalidInput``
    when there are several, or it is not guarded as our own keys are.

    :param text: ``LABEL``, ``LABEL/ID`` with the id in hexadecimal, or a
        reference
    :param keys: what the token has
    """
    label, key_id = _wanted(text)
    named = [
        key for key in keys if key.label == label and key_id in (None, key.id)
    ]
    found = [key for key in named if key.type == 'AES']
    if not found:
        raise errors.MasterKeyNotFound(
            f'{text}: the token has no such AES key'
        )
    if len(found) > 1:
        ids = ', '.join(f'{label}/{key.id.hex()}' for key in found)
        raise errors.InvalidInput(
            f'{text}: {len(found)} AES keys of the token have this name '
            f'({ids}): give the id as well, or give them different ones with '
            f'the tools of the HSM'
        )
    # With its HMAC key, if it has one.
    for key in named:
        if key.id == found[0].id:
            _require_guarded(text, key)
    return _name(text, found[0])


def _wanted(text: str) -> tuple[str, bytes | None]:
    if text.startswith('pkcs11:'):
        return parse(text)
    label, slash, key_id = text.partition('/')
    try:
        return label, bytes.fromhex(key_id) if slash else None
    except ValueError:
        raise errors.InvalidInput(
            f'{text}: the id behind the slash is not hexadecimal'
        ) from None


def _require_guarded(text: str, key: KeyInfo) -> None:
    rights = set(key.attributes)
    if 'PRIVATE' not in rights:
        problem = 'can be used without the PIN'
    elif 'SENSITIVE' not in rights:
        problem = 'can be read out'
    elif 'EXTRACTABLE' in key.attributes:
        problem = 'can leave the token'
    elif rights & _ENCRYPTING and rights & _WRAPPING:
        # What it wraps, be it another key of the token, it would give away.
        problem = 'may both wrap and decrypt'
    # Some tokens do not tell.
    elif key.bits not in (0, 8 * blob.KEY_SIZE):
        problem = f'has {key.bits} bits'
    else:
        return
    raise errors.InvalidInput(
        f'{text}: its {key.type} key {problem}: make one of '
        f'{8 * blob.KEY_SIZE} bits that is private, sensitive and not '
        f'extractable, for either encryption or wrapping'
    )


def _name(text: str, key: KeyInfo) -> KeyName:
    name = KeyName(key.label, key.id)
    try:
        return parse(name.reference)
    except errors.MasterKeyNotFound:
        raise errors.InvalidInput(
            f'{text}: a label has 1 to 100 letters, digits, dots, hyphens and '
            f'underscores, and an id 1 to 32 bytes: give it such a name'
        ) from None
