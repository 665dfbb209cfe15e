# SPDX-License-Identifier: Apache-2.0
"""The body of POST /v1/secrets: schema, rules between fields, conversion."""

from datetime import UTC, datetime
from typing import Any

from oslo_utils import timeutils

from secretstore import errors
from secretstore.api.keymanager import common, content
from secretstore.api.keymanager.bodies import Schema, stripped
from secretstore.rpc.interface import SEALED_OVERHEAD, NewSecret

SECRET_TYPES = [
    'symmetric',
    'passphrase',
    'private',
    'public',
    'certificate',
    'opaque',
]

SCHEMA = Schema(
    'Secret',
    {
        'type': 'object',
        'properties': {
            'name': {'type': ['string', 'null'], 'maxLength': 255},
            'algorithm': {'type': 'string', 'maxLength': 255},
            'mode': {'type': 'string', 'maxLength': 255},
            'bit_length': {
                'type': 'integer',
                'minimum': 1,
                'maximum': 32767,
            },
            'expiration': {'type': 'string', 'maxLength': 255},
            'payload': {'type': 'string'},
            'secret_type': {
                'type': 'string',
                'maxLength': 80,
                'enum': SECRET_TYPES,
            },
            'payload_content_type': {
                'type': ['string', 'null'],
                'maxLength': 255,
            },
            'payload_content_encoding': {
                'type': 'string',
                'maxLength': 255,
                'enum': ['base64'],
            },
            'transport_key_needed': {
                'type': 'string',
                'enum': ['true', 'false'],
            },
            'transport_key_id': {'type': 'string'},
        },
    },
)
_TEXTS = ('name', 'algorithm', 'mode')


def parse(data: Any, max_payload: int) -> NewSecret:
    """What the body asks to store.

    :param max_payload: limit for the payload in bytes, as it was sent; one
        that is sealed may be longer by what sealing adds
    :raises InvalidObject: when anything in it is wrong
    :raises PayloadTooLarge: when the payload is over the limit
    """
    data = stripped(data, keep=frozenset(['payload']))
    expiration = check(data)
    key_id = _transport_key_id(data)
    if key_id is not None:
        max_payload = content.base64_size(max_payload + SEALED_OVERHEAD)
    content_type, payload = _payload(data, max_payload)
    bit_length = data.get('bit_length')
    secret: NewSecret = {
        'name': data.get('name'),
        'secret_type': data.get('secret_type', 'opaque'),
        'algorithm': data.get('algorithm'),
        # JSON knows one kind of number: 256.0 is an integer to the schema.
        'bit_length': None if bit_length is None else int(bit_length),
        'mode': data.get('mode'),
        'expiration': expiration,
        'content_type': content_type,
        'payload': payload,
    }
    if key_id is not None:
        secret['transport_key_id'] = key_id
    return secret


def wants_transport_key(data: Any, secret: NewSecret) -> bool:
    """Whether a payload is to follow, sealed to a key that is asked for.

    :param data: the body that was parsed to *secret*
    """
    if secret['payload'] is not None:
        return False
    needed: str = data.get('transport_key_needed', 'false')
    return needed.strip() == 'true'


def _transport_key_id(data: dict[str, Any]) -> str | None:
    if 'payload' not in data or 'transport_key_id' not in data:
        return None
    return common.transport_key_id(data['transport_key_id'])


def check(data: Any, schema: Schema = SCHEMA) -> datetime | None:
    """Check all but the payload; the expiration, naive UTC.

    :param data: stripped
    :param schema: SCHEMA, or the same by another name
    """
    schema.validate(data)
    for prop in _TEXTS:
        schema.check_text(prop, data.get(prop) or '')
    return _expiration(data.get('expiration'), schema)


def known_content_type(declared: str, schema: Schema = SCHEMA) -> str:
    """The content type as it is stored; InvalidObject for an unknown one."""
    content_type = content.normalize(declared)
    if content_type is None:
        raise schema.invalid(
            f'payload_content_type is not one of {content.SUPPORTED}',
            'payload_content_type',
        )
    return content_type


def _expiration(text: str | None, schema: Schema) -> datetime | None:
    if not text:
        return None
    try:
        expiration: datetime = timeutils.normalize_time(
            timeutils.parse_isotime(text)
        )
    except (ValueError, OverflowError) as error:
        raise schema.invalid(
            "Invalid date for 'expiration'", 'expiration'
        ) from error
    if expiration <= datetime.now(UTC).replace(tzinfo=None):
        raise schema.invalid(
            "'expiration' is before current time", 'expiration'
        )
    return expiration


def _payload(
    data: dict[str, Any], max_payload: int
) -> tuple[str | None, bytes | None]:
    declared = data.get('payload_content_type')
    if 'payload' not in data:
        if 'payload_content_type' in data:
            raise SCHEMA.invalid(
                'payload must be provided when payload_content_type is '
                'specified',
                'payload',
            )
        return None, None
    content_type = _content_type(
        declared, data.get('payload_content_encoding')
    )
    # What is sealed is binary, whatever it is a seal of.
    is_base64 = content_type != content.TEXT or 'transport_key_id' in data
    return content_type, _bytes(data['payload'], is_base64, max_payload)


def _content_type(declared: str | None, encoding: str | None) -> str:
    if declared is None:
        raise SCHEMA.invalid(
            "If 'payload' is supplied, 'payload_content_type' must also be "
            'supplied.',
            'payload_content_type',
        )
    content_type = known_content_type(declared)
    allowed = content.ENCODINGS[content_type]
    fits = encoding is None if allowed is None else encoding in allowed
    if not fits:
        raise SCHEMA.invalid(
            f'payload_content_encoding is not one of {allowed}',
            'payload_content_encoding',
        )
    return content_type


def _bytes(text: str, is_base64: bool, max_payload: int) -> bytes:
    try:
        data = text.encode('utf-8')
    except UnicodeEncodeError as error:
        raise SCHEMA.invalid(
            'unpaired surrogates are not allowed', 'payload'
        ) from error
    if len(data) > max_payload:
        raise errors.PayloadTooLarge
    if is_base64:
        try:
            data = content.decode_base64(data)
        except ValueError as error:
            raise SCHEMA.invalid(
                'Invalid payload for payload_content_encoding', 'payload'
            ) from error
    if not data:
        raise SCHEMA.invalid(
            "If 'payload' specified, must be non empty", 'payload'
        )
    return data
