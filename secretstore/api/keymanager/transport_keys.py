# SPDX-License-Identifier: Apache-2.0
"""/v1/transport_keys: public keys that clients seal payloads to."""

from typing import Any

from oslo_config import cfg
import webob

from secretstore.api.keymanager import bodies, common, listing
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    NewTransportKey,
    TransportKeys,
    TransportKeyView,
)

SCHEMA = bodies.Schema(
    'Transport Key',
    {
        'type': 'object',
        'properties': {
            'plugin_name': {'type': 'string', 'maxLength': 255},
            'transport_key': {'type': 'string'},
        },
    },
)


class TransportKeysController:
    """Answers for the transport keys."""

    def __init__(self, keys: TransportKeys, conf: cfg.ConfigOpts) -> None:
        self._keys = keys
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        query = listing.parse_page(parameters, self._conf)
        page = self._keys.page(
            context, {**query, 'suite': parameters.get('plugin_name')}
        )
        base = self._base(request)
        marker = page.items[-1]['id'] if page.items else None
        return common.answer(
            200,
            {
                'transport_keys': [
                    f'{base}/{view["id"]}' for view in page.items
                ],
                **listing.links(base, parameters, query, page, marker),
                'total': page.total,
            },
        )

    def create(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        data = bodies.stripped(bodies.read_json(request, self._max_body))
        key_id = self._keys.create(context, _parse(data))
        ref = f'{self._base(request)}/{key_id}'
        return common.answer(
            201, {'transport_key_ref': ref}, [('Location', ref)]
        )

    def show(
        self, context: RequestContext, request: webob.Request, key_id: str
    ) -> webob.Response:
        common.canonical_id(key_id, 'transport key')
        common.require_json_accepted(request)
        return common.answer(200, _render(self._keys.get(context, key_id)))

    def delete(
        self, context: RequestContext, request: webob.Request, key_id: str
    ) -> webob.Response:
        common.canonical_id(key_id, 'transport key')
        self._keys.delete(context, key_id)
        return common.no_content()

    def _base(self, request: webob.Request) -> str:
        return f'{common.base_url(request, self._conf)}/transport_keys'


def _parse(data: Any) -> NewTransportKey:
    SCHEMA.validate(data)
    for prop in ('plugin_name', 'transport_key'):
        if not data.get(prop):
            raise SCHEMA.invalid(f'{prop} must be provided', prop)
        SCHEMA.check_text(prop, data[prop])
    return {
        'suite': data['plugin_name'],
        'public_key': data['transport_key'],
    }


def _render(view: TransportKeyView) -> dict[str, Any]:
    created = common.time_text(view['created'])
    return {
        'id': view['id'],
        'plugin_name': view['suite'],
        'transport_key': view['public_key'],
        'status': 'ACTIVE',
        'created_at': created,
        'updated_at': created,
        'deleted': False,
        'deleted_at': None,
    }
