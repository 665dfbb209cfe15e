# SPDX-License-Identifier: Apache-2.0
"""/v1/secret-stores: the strategies that guard secrets."""

from typing import Any

from oslo_config import cfg
import webob

from secretstore.api.keymanager import common
from secretstore.context import RequestContext
from secretstore.rpc.interface import SecretStores, SecretStoreView


class SecretStoresController:
    """Answers for the secret stores, and for what projects prefer."""

    def __init__(self, stores: SecretStores, conf: cfg.ConfigOpts) -> None:
        self._stores = stores
        self._conf = conf

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        base = common.base_url(request, self._conf)
        stores = [_render(view, base) for view in self._stores.all(context)]
        return common.answer(200, {'secret_stores': stores})

    def show_default(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        return self._answer(request, self._stores.get_default(context))

    def show_preferred(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        common.require_json_accepted(request)
        return self._answer(request, self._stores.get_preferred(context))

    def show(
        self, context: RequestContext, request: webob.Request, store_id: str
    ) -> webob.Response:
        common.require_json_accepted(request)
        return self._answer(request, self._stores.get(context, store_id))

    def prefer(
        self, context: RequestContext, request: webob.Request, store_id: str
    ) -> webob.Response:
        self._stores.prefer(context, store_id)
        return common.no_content()

    def unprefer(
        self, context: RequestContext, request: webob.Request, store_id: str
    ) -> webob.Response:
        self._stores.unprefer(context, store_id)
        return common.no_content()

    def _answer(
        self, request: webob.Request, view: SecretStoreView
    ) -> webob.Response:
        base = common.base_url(request, self._conf)
        return common.answer(200, _render(view, base))


def _render(view: SecretStoreView, base: str) -> dict[str, Any]:
    return {
        'created': common.time_text(view['created']),
        'updated': common.time_text(view['updated']),
        'status': 'ACTIVE',
        'name': view['name'],
        'secret_store_plugin': view['name'],
        'crypto_plugin': None,
        'global_default': view['global_default'],
        'secret_store_ref': f'{base}/secret-stores/{view["id"]}',
    }
