# SPDX-License-Identifier: Apache-2.0
"""A session with a token, and what is asked of it; in the workers only."""

from collections.abc import Callable
import os
from typing import Any

import pkcs11
from pkcs11 import Attribute, MechanismFlag, TokenFlag

from secretstore import errors
from secretstore.security.pkcs11 import blob, keys, mechanisms, messages
from secretstore.security.pkcs11.reference import KeyName

# These say that the PIN is wrong, or that no PIN will do.
_PIN_ERRORS = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
)


def opened(request: messages.Open) -> 'Token | messages.Failed':
    """Load the library and log in, with one attempt at the most."""
    try:
        library = _loaded(request.library)
        token = _only_token(library, request)
        _spare_the_last_try(token)
        session = token.open(rw=True, user_pin=request.pin)
    except _PIN_ERRORS as exc:
        return messages.Failed('pin', type(exc).__name__)
    except _NAMED as exc:
        return _failed(exc)
    return Token(library, token, session)


def _loaded(path: str) -> Any:
    try:
        return pkcs11.lib(path)
    except pkcs11.PKCS11Error as exc:
        # What the library itself reports is a subclass.
        if type(exc) is not pkcs11.PKCS11Error:
            raise
        raise keys.Refused(
            f'the library {path} cannot be loaded ({exc}): correct [pkcs11] '
            f'library_path, or install what the library needs'
        ) from None


_NAMED = (errors.Corrupt, keys.NotThere, keys.Refused, pkcs11.PKCS11Error)
_KINDS: dict[type[Exception], str] = {
    errors.Corrupt: 'corrupt',
    keys.NotThere: 'missing',
    keys.Refused: 'refused',
}

_HINTS: dict[type[Exception], str] = {
    pkcs11.SessionCount: (
        'the token allows no more sessions: see how many [pkcs11] workers '
        'all processes start together, and who else has some'
    ),
    pkcs11.UserPinNotInitialized: 'give the user of the token a PIN first',
}


def _failed(exc: Exception, about: str = '') -> messages.Failed:
    kind = _KINDS.get(type(exc))
    if kind is not None:
        return messages.Failed(kind, str(exc))
    text = _HINTS.get(type(exc), '') or ' '.join(str(exc).split())
    name = type(exc).__name__
    text = f'{name}: {text}' if text else name
    return messages.Failed('broken', f'{about}{text}')


def _about(request: messages.Request) -> str:
    named = (
        messages.Create,
        messages.Destroy,
        messages.Wrap,
        messages.Unwrap,
    )
    if isinstance(request, named):
        return f'{KeyName(request.label, request.id).reference}: '
    return ''


class Token:
    """One session that is logged in."""

    def __init__(
        self, library: Any, token: pkcs11.Token, session: pkcs11.Session
    ) -> None:
        self._library = library
        self._token = token
        self._session = session

    def answer(self, request: messages.Request) -> messages.Answer:
        """Do what is asked, or say why it cannot be done."""
        try:
            return _ANSWERS[type(request)](self, request)
        except _NAMED as exc:
            return _failed(exc, _about(request))

    def close(self) -> None:
        """Log out, for tokens that count their sessions."""
        try:
            self._session.close()
            self._library.finalize()
        except pkcs11.PKCS11Error:
            # It goes with the process at the latest.
            return

    def describe(self) -> messages.Token:
        return messages.Token(
            label=self._token.label,
            serial=_text(self._token.serial),
            manufacturer=self._token.manufacturer_id,
            model=self._token.model,
            library=(
                f'{self._library.manufacturer_id} '
                f'{".".join(map(str, self._library.library_version))}'
            ),
            flags=[
                str(flag.name) for flag in TokenFlag if flag & self._flags()
            ],
        )

    def _flags(self) -> int:
        return int(self._token.flags)

    def _check(self, _: messages.Check) -> messages.Done:
        if self._token.slot.get_token().serial != self._token.serial:
            raise pkcs11.DeviceRemoved('another token is in its place')
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
        slot = self._token.slot
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
        return messages.Done(way.wrap(pair, request.key, request.binding))

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


def _only_token(library: Any, request: messages.Open) -> pkcs11.Token:
    """The token that was meant; slot numbers are not to be relied on."""
    serial = request.token_serial
    found: list[pkcs11.Token] = [
        token
        for token in library.get_tokens()
        if token.flags & TokenFlag.TOKEN_INITIALIZED
        and request.token_label in ('', token.label)
        and serial in ('', _text(token.serial))
    ]
    if len(found) == 1:
        return found[0]
    what = f'label {request.token_label!r}' if request.token_label else ''
    if serial:
        what += f'{" and " if what else ""}serial number {serial!r}'
    if found:
        raise keys.Refused(
            f'{len(found)} tokens have the {what}: set [pkcs11] '
            f'token_serial_number to that of the right one'
        )
    raise keys.Refused(
        f'no token with the {what} is there: is it connected and initialised, '
        f'and are [pkcs11] token_label and token_serial_number right?'
    )


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


def _text(serial: bytes) -> str:
    return serial.decode(errors='replace').strip('\0 ')
