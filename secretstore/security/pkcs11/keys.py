# SPDX-License-Identifier: Apache-2.0
"""Master keys in a token: made, found, removed; runs in the workers only."""

from collections.abc import Iterator
import contextlib
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass

from secretstore.security.pkcs11 import blob, mechanisms
from secretstore.security.pkcs11.messages import KeyInfo
from secretstore.security.pkcs11.reference import KeyName

_GUARDED: dict[Attribute, Any] = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
}
_BITS = blob.KEY_SIZE * 8
_SHOWN = (
    Attribute.PRIVATE,
    Attribute.SENSITIVE,
    Attribute.EXTRACTABLE,
    Attribute.ALWAYS_SENSITIVE,
    Attribute.NEVER_EXTRACTABLE,
    Attribute.LOCAL,
    Attribute.ENCRYPT,
    Attribute.DECRYPT,
    Attribute.WRAP,
    Attribute.UNWRAP,
    Attribute.SIGN,
)


class NotThere(Exception):
    """This session does not see the key."""


class Refused(Exception):
    """It works no better until somebody changes something."""


def create(
    session: pkcs11.Session, name: KeyName, way: mechanisms.Way
) -> None:
    """Make the keys of a new master key in the token.

    The one that is looked for first is made last: what exists is whole.
    """
    with contextlib.ExitStack() as undo:
        for key in _generated(session, way, name):
            undo.callback(key.destroy)
            _require_guarded(key, name)
        undo.pop_all()


@contextlib.contextmanager
def passing(
    session: pkcs11.Session, way: mechanisms.Way
) -> Iterator[mechanisms.Pair]:
    """A master key for a trial, which is gone afterwards."""
    made: list[Any] = []
    try:
        made.extend(_generated(session, way, None))
        mac = made[0] if way.form.has_mac else None
        yield mechanisms.Pair(session, made[-1], mac)
    finally:
        for key in made:
            key.destroy()


def find(
    session: pkcs11.Session, name: KeyName, forms: list[blob.Form]
) -> tuple[mechanisms.Way, mechanisms.Pair]:
    """The master key, and the first of the forms that it was made for.

    Raises ``NotThere``, and ``Refused`` when more than one key has the name
    or it was not made for any of the forms.
    """
    cipher, mac = _named(session, name)
    if cipher is None:
        raise NotThere(f'{name.reference}: the token has no such key')
    for form in forms:
        way = mechanisms.WAYS[form]
        # A key is for one form: GCM and CBC under one would weaken both.
        if form.has_mac == (mac is not None) and _capable(
            cipher, way.capabilities
        ):
            return way, mechanisms.Pair(session, cipher, mac)
    names = ', '.join(form.name for form in forms)
    raise Refused(
        f'{name.reference}: this key was not made for {names}, or its HMAC '
        f'key is gone: restore that, enable the mechanism that it was made '
        f'for, or rotate to a new master key'
    )


def destroy(session: pkcs11.Session, name: KeyName) -> None:
    """Remove a master key with its HMAC key; ``NotThere`` if it is none."""
    cipher, mac = _named(session, name)
    for key in (cipher, mac):
        if key is not None:
            key.destroy()
    if cipher is None:
        raise NotThere(f'{name.reference}: the token has no such key')


def listed(session: pkcs11.Session, prefix: str) -> list[KeyInfo]:
    """What the token tells of the secret keys whose labels begin so."""
    found = [
        _info(key)
        for key in session.get_objects(
            {Attribute.CLASS: ObjectClass.SECRET_KEY}
        )
    ]
    return sorted(
        (info for info in found if info.label.startswith(prefix)),
        key=lambda info: (info.label, info.id, info.type),
    )


def _generated(
    session: pkcs11.Session, way: mechanisms.Way, name: KeyName | None
) -> Iterator[Any]:
    if way.form.has_mac:
        yield _generate(
            session, KeyType.GENERIC_SECRET, MechanismFlag.SIGN, name
        )
    yield _generate(session, KeyType.AES, way.capabilities, name)


def _generate(
    session: pkcs11.Session,
    key_type: KeyType,
    capabilities: MechanismFlag,
    name: KeyName | None,
) -> Any:
    return session.generate_key(
        key_type,
        _BITS,
        id=name.id if name else None,
        label=name.label if name else None,
        store=name is not None,
        capabilities=capabilities,
        template=_GUARDED,
    )


def _require_guarded(key: Any, name: KeyName) -> None:
    # There are tokens that ignore a part of the template.
    if not key[Attribute.SENSITIVE] or key[Attribute.EXTRACTABLE]:
        raise Refused(
            f'{name.reference}: the token made a key that can be read out, '
            f'which was removed again: have it set up to make sensitive keys '
            f'that are not extractable'
        )


def _named(
    session: pkcs11.Session, name: KeyName
) -> tuple[Any | None, Any | None]:
    """The AES key and the HMAC key of this name, None for what is not there.

    Looked up at each call: what another process removes is gone, what it
    restores works, and a second one is noticed.
    """
    matching: Iterator[Any] = session.get_objects(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.LABEL: name.label,
            Attribute.ID: name.id,
        }
    )
    found: dict[KeyType, Any] = {}
    for key in matching:
        try:
            key_type = key[Attribute.KEY_TYPE]
        except ValueError:
            # A vendor's own type: not one of ours.
            continue
        if found.setdefault(key_type, key) is not key:
            raise Refused(
                f'{name.reference}: more than one {key_type.name} key of '
                f'the token has this label and id, and nothing says which '
                f'one was used: find the right one, and give the others '
                f'another label or id with the tools of the HSM'
            )
    return found.get(KeyType.AES), found.get(KeyType.GENERIC_SECRET)


def _capable(key: Any, capabilities: MechanismFlag) -> bool:
    wanted = {
        MechanismFlag.ENCRYPT: Attribute.ENCRYPT,
        MechanismFlag.DECRYPT: Attribute.DECRYPT,
        MechanismFlag.WRAP: Attribute.WRAP,
        MechanismFlag.UNWRAP: Attribute.UNWRAP,
    }
    return all(
        key[attribute]
        for flag, attribute in wanted.items()
        if capabilities & flag
    )


def _info(key: Any) -> KeyInfo:
    key_type = _read(key, Attribute.KEY_TYPE)
    return KeyInfo(
        label=str(_read(key, Attribute.LABEL) or ''),
        id=bytes(_read(key, Attribute.ID) or b''),
        type=key_type.name if key_type is not None else 'unknown',
        bits=8 * int(_read(key, Attribute.VALUE_LEN) or 0),
        attributes=[
            attribute.name for attribute in _SHOWN if _read(key, attribute)
        ],
    )


def _read(key: Any, attribute: Attribute) -> Any:
    """The attribute, None where the token does not tell.

    So are a label that is not UTF-8, and the type of a vendor's own key.
    """
    try:
        return key[attribute]
    except (
        pkcs11.AttributeTypeInvalid,
        pkcs11.AttributeSensitive,
        pkcs11.FunctionFailed,
        ValueError,
    ):
        return None
