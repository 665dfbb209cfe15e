# SPDX-License-Identifier: Apache-2.0
"""Which token is meant, and how failures are told; in the workers only."""

import os
import traceback
from typing import Any, NamedTuple

import pkcs11
from pkcs11 import TokenFlag

from secretstore import errors
from secretstore.security.pkcs11 import keys, messages

_KINDS: dict[type[Exception], str] = {
    errors.Corrupt: 'corrupt',
    keys.NotThere: 'missing',
    keys.Refused: 'refused',
}
NAMED: tuple[type[Exception], ...] = (*_KINDS, pkcs11.PKCS11Error)

_HINTS: dict[type[Exception], str] = {
    pkcs11.SessionCount: (
        'the token allows no more sessions: see how many [pkcs11] workers '
        'all processes start together, and who else has some'
    ),
    pkcs11.UserPinNotInitialized: 'give the user of the token a PIN first',
}


class Found(NamedTuple):
    """A token that nobody has logged in to yet."""

    library: Any
    token: pkcs11.Token

    def describe(self) -> messages.Token:
        flags = int(self.token.flags)
        return messages.Token(
            label=self.token.label,
            serial=_text(self.token.serial),
            manufacturer=self.token.manufacturer_id,
            model=self.token.model,
            library=(
                f'{self.library.manufacturer_id} '
                f'{".".join(map(str, self.library.library_version))}'
            ),
            flags=[str(flag.name) for flag in TokenFlag if flag & flags],
        )

    def require_same(self) -> pkcs11.Token:
        """The token as it is by now."""
        now = self.token.slot.get_token()
        if now.serial != self.token.serial:
            raise pkcs11.DeviceRemoved('another token is in its place')
        return now


def found(request: messages.Find) -> Found | messages.Failed:
    """Load the library, and find the token that the options mean."""
    try:
        library = _loaded(request.library)
        return Found(library, _only_token(library, request))
    except NAMED as exc:
        return failed(exc)


def failed(exc: Exception, about: str = '') -> messages.Failed:
    """What to tell the service of one of NAMED."""
    kind = _KINDS.get(type(exc))
    if kind is not None:
        return messages.Failed(kind, str(exc))
    text = _HINTS.get(type(exc), '') or ' '.join(str(exc).split())
    name = type(exc).__name__
    text = f'{name}: {text}' if text else name
    return messages.Failed('broken', f'{about}{text}')


def unexpected(exc: Exception, about: str) -> messages.Failed:
    """What to tell of anything else: where it comes from, not what it says.

    It may say something of a key.
    """
    where = traceback.extract_tb(exc.__traceback__)[-1]
    name = os.path.basename(where.filename)
    return messages.Failed(
        'broken', f'{about}{type(exc).__name__} in {name}:{where.lineno}'
    )


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


def _only_token(library: Any, request: messages.Find) -> pkcs11.Token:
    """The token that was meant; slot numbers are not to be relied on."""
    serial = request.token_serial
    matching: list[pkcs11.Token] = [
        token
        for token in library.get_tokens()
        if token.flags & TokenFlag.TOKEN_INITIALIZED
        and request.token_label in ('', token.label)
        and serial in ('', _text(token.serial))
    ]
    if len(matching) == 1:
        return matching[0]
    what = f'label {request.token_label!r}' if request.token_label else ''
    if serial:
        what += f'{" and " if what else ""}serial number {serial!r}'
    if matching:
        raise keys.Refused(
            f'{len(matching)} tokens have the {what}: set [pkcs11] '
            f'token_serial_number to that of the right one'
        )
    raise keys.NotThere(
        f'no token with the {what} is there: is it connected and initialised, '
        f'and are [pkcs11] token_label and token_serial_number right?'
    )


def _text(serial: bytes) -> str:
    return serial.decode(errors='replace').strip('\0 ')
