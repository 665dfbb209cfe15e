# SPDX-License-Identifier: Apache-2.0
"""/v1/secrets and /v1/secrets/{id}: Barbican's contract."""

import contextlib
from typing import Any

from oslo_config import cfg
from oslo_utils import strutils
import webob

from secretstore import errors
from secretstore.api.errors import IssueSeen
from secretstore.api.keymanager import (
    bodies,
    common,
    consumers,
    content,
    listing,
    new_secret,
)
from secretstore.context import RequestContext
from secretstore.rpc.interface import SEALED_OVERHEAD, Secrets, SecretView

NO_DATA = 'No data supplied to process.'


class _NoPayload(IssueSeen):
    """A body that is no payload, whatever the secret has already."""


class SecretsController:
    """Answers for secrets; each method is one line of the URL table."""

    def __init__(self, secrets: Secrets, conf: cfg.ConfigOpts) -> None:
        self._secrets = secrets
        self._conf = conf
        self._max_payload: int = conf.max_allowed_secret_in_bytes
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def create(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        data = bodies.read_json(request, self._max_body)
        secret = new_secret.parse(data, self._max_payload)
        base = common.base_url(request, self._conf)
        if new_secret.wants_transport_key(data, secret):
            secret_id, key_id = self._secrets.create_for_transport(
                context, secret
            )
            more = {'transport_key_ref': f'{base}/transport_keys/{key_id}'}
        else:
            secret_id, more = self._secrets.create(context, secret), {}
        ref = f'{base}/secrets/{secret_id}'
        return common.answer(
            201, {'secret_ref': ref, **more}, [('Location', ref)]
        )

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        query = listing.parse_query(parameters, self._conf)
        minor = common.minor_version(request)
        page = self._secrets.page(context, query, minor >= 1)
        base = common.base_url(request, self._conf)
        last = None
        if page.items and not query['sort']:
            last = page.items[-1]['id']
        return common.answer(
            200,
            {
                'secrets': [render(view, base) for view in page.items],
                **listing.links(
                    f'{base}/secrets', parameters, query, page, last
                ),
                'total': page.total,
            },
        )

    def show(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        if content.wants_payload(request.environ.get('HTTP_ACCEPT')):
            return self.payload(context, request, secret_id)
        minor = common.minor_version(request)
        asked = listing.parse_parameters(request.query_string)
        view = self._secrets.get(
            context,
            secret_id,
            with_consumers=minor >= 1,
            with_transport_key=asked.get('transport_key_needed', '').lower()
            == 'true',
        )
        base = common.base_url(request, self._conf)
        return common.answer(200, render(view, base))

    def payload(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        if _is_to_be_wrapped(request.query_string):
            # Never hand out in the clear what was asked for wrapped.
            raise errors.InvalidInput('No transport key is available.')
        payload = self._secrets.payload(context, secret_id)
        accept = request.environ.get('HTTP_ACCEPT')
        return webob.Response(
            status=200,
            headerlist=[
                ('Content-Type', content.negotiate(accept, payload)),
                ('Content-Length', str(len(payload.data))),
            ],
            app_iter=[payload.data],
        )

    def put_payload(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        bodies.require_content_type(request, [content.BINARY, content.TEXT])
        content_type = request.content_type.lower()
        try:
            key_id = _transport_key_id(request)
            data = self._read_payload(request, content_type, key_id)
        except _NoPayload:
            # Who may not touch the secret learns that first.
            with contextlib.suppress(errors.Conflict):
                self._secrets.require_put(context, secret_id)
            raise
        except IssueSeen:
            # Nor does the form matter when there is a payload already.
            self._secrets.require_put(context, secret_id)
            raise
        self._secrets.put_payload(
            context, secret_id, content_type, data, key_id
        )
        return common.no_content()

    def _read_payload(
        self, request: webob.Request, content_type: str, key_id: str | None
    ) -> bytes:
        longest, is_binary = self._max_payload, content_type != content.TEXT
        if key_id is not None:
            # What is sealed is binary, whatever it is a seal of.
            longest, is_binary = longest + SEALED_OVERHEAD, True
            if 'Content-Encoding' in request.headers:
                longest = content.base64_size(longest)
        data = bodies.read(request, longest)
        if data is None:
            raise _NoPayload(413, 'Provided information too large to process')
        if not data:
            raise _NoPayload(400, NO_DATA)
        if is_binary:
            data = _decode(data, request.headers.get('Content-Encoding'))
        if not data:
            raise IssueSeen(400, NO_DATA)
        return data

    def delete(
        self, context: RequestContext, request: webob.Request, secret_id: str
    ) -> webob.Response:
        common.canonical_id(secret_id, 'secret')
        careful = common.minor_version(request) >= 2 and not _is_forced(
            request.query_string
        )
        self._secrets.delete(context, secret_id, unless_consumed=careful)
        return common.no_content()


def _is_forced(query_string: str) -> bool:
    """Whether a secret goes whoever uses it; what ``force`` says since 1.2."""
    force = listing.parse_parameters(query_string).get('force')
    if force is None:
        return False
    try:
        return bool(strutils.bool_from_string(force, strict=True))
    except ValueError as error:
        raise listing.bad_query() from error


def _is_to_be_wrapped(query_string: str) -> bool:
    """Whether a payload is asked for under the client's own session key."""
    if not query_string:
        return False
    asked = listing.parse_parameters(query_string)
    return bool(asked.get('trans_wrapped_session_key'))


def _transport_key_id(request: webob.Request) -> str | None:
    if not request.query_string:
        return None
    asked = listing.parse_parameters(request.query_string)
    key_id = asked.get('transport_key_id')
    return None if key_id is None else common.transport_key_id(key_id)


def _decode(data: bytes, encoding: str | None) -> bytes:
    if not encoding:
        return data
    if encoding.lower() != 'base64':
        raise IssueSeen(400, f"content-encoding of '{encoding}' not supported")
    try:
        return content.decode_base64(data)
    except ValueError as error:
        raise IssueSeen(400, 'Problem decoding payload') from error


def render(view: SecretView, base: str) -> dict[str, Any]:
    """A secret as the API tells of it, with consumers if it has them."""
    expiration = view['expiration']
    result: dict[str, Any] = {
        'created': common.time_text(view['created']),
        'updated': common.time_text(view['updated']),
        'status': 'ACTIVE',
        'name': view['name'],
        'secret_type': view['secret_type'],
        'expiration': expiration.isoformat() if expiration else None,
        'algorithm': view['algorithm'],
        'bit_length': view['bit_length'],
        'mode': view['mode'],
        'creator_id': view['creator_id'],
    }
    if view['consumers'] is not None:
        result['consumers'] = [
            consumers.of_secret(consumer) for consumer in view['consumers']
        ]
    if view['content_type']:
        result['content_types'] = {'default': view['content_type']}
    if 'transport_key_id' in view:
        key_id = view['transport_key_id']
        result['transport_key_ref'] = f'{base}/transport_keys/{key_id}'
    result['secret_ref'] = f'{base}/secrets/{view["id"]}'
    return result
