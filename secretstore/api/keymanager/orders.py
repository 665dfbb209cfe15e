# SPDX-License-Identifier: Apache-2.0
"""/v1/orders and /v1/orders/{id}: keys that are made here."""

from typing import Any

from oslo_config import cfg
import webob

from secretstore import errors
from secretstore.api.keymanager import bodies, common, listing, new_order
from secretstore.context import RequestContext
from secretstore.rpc.interface import OrderQuery, Orders, OrderView


class OrdersController:
    """Answers for orders; each method is one line of the URL table."""

    def __init__(self, orders: Orders, conf: cfg.ConfigOpts) -> None:
        self._orders = orders
        self._conf = conf
        self._max_body: int = conf.max_allowed_request_size_in_bytes

    def create(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        data = bodies.read_json(request, self._max_body)
        order_id = self._orders.create(context, new_order.parse(data))
        ref = f'{common.base_url(request, self._conf)}/orders/{order_id}'
        return common.answer(202, {'order_ref': ref}, [('Location', ref)])

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        parameters = listing.parse_parameters(request.query_string)
        query: OrderQuery = {
            **listing.parse_page(parameters, self._conf),
            'meta': parameters.get('meta') or None,
        }
        page = self._orders.page(context, query)
        base = common.base_url(request, self._conf)
        last = page.items[-1]['id'] if page.items else None
        return common.answer(
            200,
            {
                'orders': [render(view, base) for view in page.items],
                **listing.links(
                    f'{base}/orders', parameters, query, page, last
                ),
                'total': page.total,
            },
        )

    def show(
        self, context: RequestContext, request: webob.Request, order_id: str
    ) -> webob.Response:
        common.require_json_accepted(request)
        view = self._orders.get(context, _canonical(order_id))
        base = common.base_url(request, self._conf)
        return common.answer(200, render(view, base))

    def delete(
        self, context: RequestContext, request: webob.Request, order_id: str
    ) -> webob.Response:
        self._orders.delete(context, _canonical(order_id))
        return common.no_content()


def _canonical(order_id: str) -> str:
    """Barbican has no words of its own for what is no id."""
    try:
        return common.canonical_id(order_id, 'order')
    except errors.NotFound as error:
        raise errors.NotFound('Order not found.') from error


def render(view: OrderView, base: str) -> dict[str, Any]:
    """An order as the API tells of it."""
    result: dict[str, Any] = {
        'created': common.time_text(view['created']),
        'updated': common.time_text(view['updated']),
        'status': view['status'],
        'type': view['type'],
        'meta': view['meta'],
    }
    if view['status'] == 'ACTIVE':
        result['sub_status'] = 'Unknown'
        result['sub_status_message'] = 'Unknown'
    if view['status'] == 'ERROR':
        result['error_status_code'] = view['error_status_code']
        result['error_reason'] = view['error_reason']
    if view['creator_id']:
        result['creator_id'] = view['creator_id']
    if view['secret_id']:
        result['secret_ref'] = f'{base}/secrets/{view["secret_id"]}'
    if view['container_id']:
        result['container_ref'] = f'{base}/containers/{view["container_id"]}'
    result['order_ref'] = f'{base}/orders/{view["id"]}'
    return result
