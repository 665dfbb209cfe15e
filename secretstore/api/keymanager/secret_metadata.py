# SPDX-License-Identifier: Apache-2.0
"""/v1/secrets/{id}/metadata: pairs that users attach to a secret."""

import re
from typing import Any

import jsonschema
from oslo_config import cfg
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies, common
from secretstore.context import RequestContext
from secretstore.rpc.interface import SecretMetadata

METADATA = bodies.Schema(
    'SecretMetadata',
    {
        'type': 'object',
        'properties': {'metadata': {'type': 'object', 'required': True}},
    },
    jsonschema.Draft3Validator,
)
METADATUM = bodies.Schema(
    'SecretMetadatum',
    {
        'type': 'object',
        'properties': {
            'key': {'type': 'string', 'maxLength': 255, 'required': True},
            'value': {'type': 'string', 'maxLength': 255, 'required': True},
        },
        'additionalProperties': False,
    },
    jsonschema.Draft3Validator,
)
_KEY = re.compile('[A-Za-z0-9_-]*')
MAX_LENGTH = 255


class SecretMetadataController:
    """Answers for the metadata of secrets."""

    def __init__(self, metadata: SecretMetadata, conf: cfg.ConfigOpts) -> None:
        self._metadata = metadata
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def _ref(self, request: webob.Request, secret_id: str) -> str:
        base = common.base_url(request, self._conf)
        return f'{base}/secrets/{secret_id}/metadata'

    def show_all(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        common.require_json_accepted(request)
        metadata = self._metadata.get_all(context, secret_id)
        return common.answer(200, {'metadata': metadata})

    def replace(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        common.require_json_accepted(request)
        data = bodies.read_json(request, self._max_body)
        METADATA.validate(data)
        self._metadata.replace(context, secret_id, _pairs(data['metadata']))
        return common.answer(
            201, {'metadata_ref': self._ref(request, secret_id)}
        )

    def add(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        common.require_json_accepted(request)
        key, value = self._pair(request)
        self._metadata.add(context, secret_id, key, value)
        location = f'{self._ref(request, secret_id)}/{key}'
        return common.answer(
            201, {'key': key, 'value': value}, [('Location', location)]
        )

    def show(
        self,
        context: RequestContext,
        request: webob.Request,
        secret_id: str,
        key: str,
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        common.require_json_accepted(request)
        _require_key(key)
        value = self._metadata.get(context, secret_id, key)
        return common.answer(200, {'key': key, 'value': value})

    def update(
        self,
        context: RequestContext,
        request: webob.Request,
        secret_id: str,
        key: str,
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        common.require_json_accepted(request)
        _require_key(key)
        body_key, value = self._pair(request)
        if body_key != key:
            # A key that does not exist is told first, as by Barbican.
            self._metadata.get(context, secret_id, key)
            raise errors.Conflict(
                'Key in request data does not match key in the request url.'
            )
        self._metadata.update(context, secret_id, key, value)
        return common.answer(200, {'key': key, 'value': value})

    def delete(
        self,
        context: RequestContext,
        request: webob.Request,
        secret_id: str,
        key: str,
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        _require_key(key)
        self._metadata.delete(context, secret_id, key)
        return common.no_content()

    def _pair(self, request: webob.Request) -> tuple[str, str]:
        data = bodies.stripped(bodies.read_json(request, self._max_body))
        METADATUM.validate(data)
        return next(iter(_pairs({data['key']: data['value']}).items()))


def _require_key(key: str) -> None:
    """Raise NotFound for what no key can be, and no database be asked."""
    if len(key) > MAX_LENGTH or _KEY.fullmatch(key) is None:
        raise errors.NotFound('Secret metadata not found.')


def _pairs(metadata: dict[str, Any]) -> dict[str, str]:
    pairs = {}
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise errors.InvalidInput(
                'Invalid Metadata. Keys and Values must be Strings.'
            )
        if _KEY.fullmatch(key) is None:
            raise errors.InvalidInput('Invalid Key. Key must be URL safe.')
        if not 0 < len(key) <= MAX_LENGTH or len(value) > MAX_LENGTH:
            raise METADATA.invalid(
                f'keys have 1 to {MAX_LENGTH} characters, values at most as '
                'many',
                'metadata',
            )
        METADATA.check_text('metadata', value)
        pairs[key.lower()] = value.strip()
    return pairs
