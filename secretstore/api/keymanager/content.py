# SPDX-License-Identifier: Apache-2.0
"""Content types and encodings of payloads, as the Key Manager API has them."""

import base64
import binascii
import re

from webob import acceptparse

from secretstore.api.errors import IssueSeen
from secretstore.rpc.interface import Payload

TEXT = 'text/plain'
BINARY = 'application/octet-stream'
PKCS8 = 'application/pkcs8'

# How clients may write the types; messages list them in these words.
SUPPORTED = [
    TEXT,
    'text/plain;charset=utf-8',
    'text/plain; charset=utf-8',
    BINARY,
    PKCS8,
]
ENCODINGS: dict[str, list[str] | None] = {
    TEXT: None,
    BINARY: ['base64', 'binary'],
    PKCS8: ['base64', 'binary'],
}

# No white space before the semicolon: a header of blanks would take minutes.
_UTF8 = re.compile(r';\s*charset\s*=\s*"?utf-8"?', re.IGNORECASE)
_SPACE = re.compile(rb'[ \t\r\n]+')


def normalize(content_type: str) -> str | None:
    """The type without a UTF-8 charset and in lower case; None if unknown."""
    plain = _UTF8.sub('', content_type, count=1).strip().lower()
    return plain if plain in ENCODINGS else None


def decode_base64(text: bytes) -> bytes:
    """Strict base64 (RFC 4648 section 4) in which white space may stand.

    :raises ValueError: when it is anything else
    """
    text = _SPACE.sub(b'', text)
    if len(text) % 4 or text.endswith(b'==='):
        # binascii lets padding pass where none is needed.
        raise ValueError('wrong padding')
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def base64_size(size: int) -> int:
    """How long base64 of so many bytes is."""
    return (size + 2) // 3 * 4


def wants_payload(accept: str | None) -> bool:
    """Whether a GET of the secret itself asks for its payload.

    The deprecated way to read a payload; everything that takes JSON means
    what is known of the secret.
    """
    if accept in (None, '', '*/*', 'application/json'):
        return False
    offers = acceptparse.create_accept_header(_lower(accept))
    best = offers.acceptable_offers(['application/json', TEXT, BINARY, PKCS8])
    return not best or best[0][0] != 'application/json'


def negotiate(accept: str | None, payload: Payload) -> str:
    """The Content-Type to answer a payload with (RFC 9110 section 12.5.1).

    A text may be had as binary, and binary data that is UTF-8 as text: the
    ``openstack`` command stores the former and asks for the latter.

    :raises IssueSeen: 406, when the caller takes none of the forms
    """
    own = payload.content_type
    forms = [BINARY, PKCS8]
    if _is_utf8(payload.data):
        forms.append(TEXT)
    elif own == TEXT:
        own = BINARY
    if accept in (None, '', '*/*', own):
        return _header(own)
    offers = [own, *[other for other in forms if other != own]]
    best = acceptparse.create_accept_header(_lower(accept))
    accepted = best.acceptable_offers(offers)
    if not accepted:
        raise IssueSeen(406, 'Wrong payload content-type')
    return _header(accepted[0][0])


def _lower(accept: str | None) -> str:
    return _UTF8.sub('', accept or '').strip().lower()


def _header(content_type: str) -> str:
    if content_type == TEXT:
        return 'text/plain; charset=UTF-8'
    return content_type


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode('utf-8')
    except UnicodeDecodeError:
        return False
    return True
