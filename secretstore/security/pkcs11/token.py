# SPDX-License-Identifier: Apache-2.0
"""A session with a token, and what is asked of it; in the workers only."""

from collections.abc import Callable
import os
from typing import Any

import pkcs11
from pkcs11 import Attribute, MechanismFlag, TokenFlag

from secretstore import errors
from secretstore.security.pkcs11 import (
    blob,
    finding,
    keys,
    mechanisms,
    messages,
)
from secretstore.security.pkcs11.reference import KeyName

# These say that the PIN is wrong, or that no PIN will do.
_PIN_ERRORS = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
)


def opened(
    found: finding.Found, request: messages.LogIn
) -> 'Token | messages.Failed':
    """Log in to the token, with one attempt at the most."""
    try:
        _spare_the_last_try(found.require_same())
        session = found.token.open(rw=True, user_pin=request.pin)
    except _PIN_ERRORS as exc:
        return messages.Failed('pin', type(exc).__name__)
    except finding.NAMED as exc:
        return finding.failed(exc)
    return Token(found, session)


def _about(request: messages.Request) -> str:
    if isinstance(request, messages.Named):
        return f'{KeyName(request.label, request.id).reference}: '
    return ''


class Token:
    """One session that is logged in."""

    def __init__(self, found: finding.Found, session: pkcs11.Session) -> None:
        self._found = found
        self._session = session

    def answer(self, request: messages.Request) -> messages.Answer:
        """Do what is asked, or say why it cannot be done."""
        try:
            return _ANSWERS[type(request)](self, request)
        except finding.NAMED as exc:
            return finding.failed(exc, _about(request))
        except Exception as exc:  # noqa: BLE001 - nobody would see it here
            return finding.unexpected(exc, _about(request))

    def close(self) -> None:
        """Log out, for tokens that count their sessions."""
        try:
            self._session.close()
            self._found.library.finalize()
        except pkcs11.PKCS11Error:
            # It goes with the process at the latest.
            return

    def _check(self, _: messages.Check) -> messages.Done:
        self._found.require_same()
        # Any use of the session will do, and all tokens can search.
        list(self._session.get_objects({Attribute.LABEL: 'no such label'}))
        return messages.Done()

    def _discover(self, _: messages.Discover) -> messages.Forms:
        usable: list[str] = []
        missing: dict[str, str] = {}
        for form, way in mechanisms.WAYS.items():
            problem = self._not_listed(way) or self._not_working(way)
            if problem:
                missing[form.name] = problem
            else:
                usable.append(form.name)
        return messages.Forms(usable, missing)

    def _not_listed(self, way: mechanisms.Way) -> str:
        slot = self._found.token.slot
        offered = slot.get_mechanisms()
        for mechanism, flags in way.needs:
            name = f'CKM_{mechanism.name}'
            if mechanism not in offered:
                return f'no {name}'
            if flags & ~slot.get_mechanism_info(mechanism).flags:
                what = ' and '.join(
                    str(flag.name).lower()
                    for flag in MechanismFlag
                    if flag & flags
                )
                return f'{name} is not for {what}'
        return ''

    def _not_working(self, way: mechanisms.Way) -> str:
        """Tokens list what they do not do."""
        try:
            with keys.passing(self._session, way) as pair:
                if _works(way, pair):
                    return ''
        except pkcs11.PKCS11Error as exc:
            return f'listed, but a trial failed with {type(exc).__name__}'
        return 'listed, but a trial gave another key back'

    def _create(self, request: messages.Create) -> messages.Done:
        way = mechanisms.WAYS[blob.named(request.form)]
        keys.create(self._session, KeyName(request.label, request.id), way)
        return messages.Done()

    def _destroy(self, request: messages.Destroy) -> messages.Done:
        keys.destroy(self._session, KeyName(request.label, request.id))
        return messages.Done()

    def _wrap(self, request: messages.Wrap) -> messages.Done:
        name = KeyName(request.label, request.id)
        forms = [blob.named(form) for form in request.forms]
        way, pair = keys.find(self._session, name, forms)
        try:
            return messages.Done(way.wrap(pair, request.key, request.binding))
        except pkcs11.MechanismInvalid:
            raise keys.Refused(
                f'{name.reference}: the token does not do {way.form.name} any '
                f'more, for which this key was made: have the HSM allow it '
                f'again, or rotate to a new master key'
            ) from None

    def _unwrap(self, request: messages.Unwrap) -> messages.Done:
        name = KeyName(request.label, request.id)
        parts = blob.split(request.wrapped)
        way, pair = keys.find(self._session, name, [parts.form])
        try:
            return messages.Done(way.unwrap(pair, parts, request.binding))
        except pkcs11.MechanismInvalid:
            raise keys.Refused(
                f'{name.reference}: the token does not do {parts.form.name} '
                f'any more, with which a stored key was wrapped: have the '
                f'HSM allow it again'
            ) from None
        except pkcs11.PKCS11Error:
            # A wrong tag and a broken token look alike. Whether the same
            # key opens what it has just wrapped tells them apart.
            if not _works(way, pair):
                raise
        raise errors.Corrupt('the token does not open it')

    def _list(self, request: messages.ListKeys) -> messages.Keys:
        return messages.Keys(keys.listed(self._session, request.prefix))


_ANSWERS: dict[type, Callable[[Token, Any], messages.Answer]] = {
    messages.Check: Token._check,
    messages.Discover: Token._discover,
    messages.Create: Token._create,
    messages.Destroy: Token._destroy,
    messages.Wrap: Token._wrap,
    messages.Unwrap: Token._unwrap,
    messages.ListKeys: Token._list,
}


def _works(way: mechanisms.Way, pair: mechanisms.Pair) -> bool:
    key, binding = os.urandom(blob.KEY_SIZE), b'trial'
    wrapped = way.wrap(pair, key, binding)
    return way.unwrap(pair, blob.split(wrapped), binding) == key


def _spare_the_last_try(token: pkcs11.Token) -> None:
    if token.flags & TokenFlag.USER_PIN_LOCKED:
        raise keys.Refused(
            'the PIN of the token is locked: have its security officer '
            'unlock it'
        )
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
        raise keys.Refused(
            'one more wrong PIN would lock the token, so this service does '
            'not try any: log in once with another program and the right '
            'PIN, and put that into the PIN file'
        )
