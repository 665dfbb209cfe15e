# SPDX-License-Identifier: Apache-2.0
"""The body of POST /v1/orders: schema, rules between fields, conversion."""

import json
from typing import Any

import jsonschema

from secretstore import errors
from secretstore.api.keymanager import new_secret
from secretstore.api.keymanager.bodies import Schema, stripped
from secretstore.rpc.interface import MAX_PASS_PHRASE, NewOrder

SCHEMA = Schema(
    'Order',
    {
        'type': 'object',
        'properties': {
            'meta': {'type': 'object', 'required': True},
            'type': {
                'type': 'string',
                'required': True,
                'enum': ['key', 'asymmetric'],
            },
        },
    },
    jsonschema.Draft3Validator,
)
META = new_secret.SCHEMA.within(SCHEMA.name)

# What Barbican reads, and what python-barbicanclient sends.
PASS_PHRASES = ('passphrase', 'pass_phrase')
# What fits into a text column of every database.
MAX_META = 65000
_CURVE_BITS = (256, 384, 521)
_KINDS = {'key': 'key', 'asymmetric': 'asymmetric key'}


def parse(data: Any) -> NewOrder:
    """What the body asks to make.

    :raises InvalidInput: when anything in it is wrong
    """
    given = data
    data = stripped(data)
    SCHEMA.validate(data)
    meta = data['meta']
    expiration = new_secret.check(meta, META)
    pass_phrase = None
    if data['type'] == 'asymmetric':
        # As it is: it may begin or end with a blank.
        pass_phrase = _pass_phrase(given['meta'])
    for name in PASS_PHRASES:
        meta.pop(name, None)
    _check_key(meta, data['type'])
    meta.setdefault('name', None)
    _check_storable(meta)
    return {
        'type': data['type'],
        'meta': meta,
        'expiration': expiration,
        'pass_phrase': pass_phrase,
    }


def _check_key(meta: dict[str, Any], order_type: str) -> None:
    content_type = meta.get('payload_content_type')
    if content_type:
        new_secret.known_content_type(content_type, META)
    if 'payload' in meta:
        raise SCHEMA.invalid(
            f"'payload' not allowed for {order_type} type order", 'meta'
        )
    for name in ('algorithm', 'bit_length'):
        if not meta.get(name):
            raise SCHEMA.invalid(
                f"'{name}' is required field for {_KINDS[order_type]} type "
                'order',
                'meta',
            )
    bits = meta['bit_length']
    fits = bits % 8 == 0
    if meta['algorithm'].lower() == 'ec':
        fits = bits in _CURVE_BITS
    if not fits:
        raise errors.InvalidInput('Provided field value is not supported')


def _pass_phrase(meta: dict[str, Any]) -> str | None:
    for name in PASS_PHRASES:
        value = meta.get(name)
        if value is None or value == '':
            continue
        if not isinstance(value, str):
            raise SCHEMA.invalid(f"'{name}' is not of type 'string'", 'meta')
        _check_pass_phrase(name, value)
        return value
    return None


def _check_pass_phrase(name: str, value: str) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise SCHEMA.invalid(
            'unpaired surrogates are not allowed', 'meta'
        ) from error
    if size > MAX_PASS_PHRASE:
        raise SCHEMA.invalid(
            f"'{name}' is longer than {MAX_PASS_PHRASE} bytes", 'meta'
        )


def _check_storable(meta: dict[str, Any]) -> None:
    """All of it is kept and told, also what means nothing here."""
    try:
        text = json.dumps(meta, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except ValueError as error:
        raise SCHEMA.invalid(
            'numbers must be finite, and unpaired surrogates are not allowed',
            'meta',
        ) from error
    if size > MAX_META:
        raise SCHEMA.invalid(f'it is longer than {MAX_META} bytes', 'meta')
