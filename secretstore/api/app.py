# SPDX-License-Identifier: Apache-2.0
"""The WSGI pipeline of the API process."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from oslo_config import cfg
from oslo_middleware import cors, http_proxy_to_wsgi

from secretstore.api import auth
from secretstore.api.application import Application, ProjectHook
from secretstore.api.front import Front
from secretstore.api.healthcheck import Healthcheck
from secretstore.api.keymanager import routes
from secretstore.api.keymanager.common import MicroversionHook
from secretstore.api.measured import Measured
from secretstore.api.workflow import routes as workflow_routes
from secretstore.api.workflow.errors import WorkflowErrorHook
from secretstore.rpc.interface import Conductor

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication


class Dispatch:
    """Sends a request to what answers its part of the URL space."""

    def __init__(
        self,
        v1: 'WSGIApplication',
        workflow: 'WSGIApplication',
        health: 'WSGIApplication',
        public: 'WSGIApplication',
    ) -> None:
        self._v1 = v1
        self._workflow = workflow
        self._health = health
        self._public = public

    def __call__(
        self, environ: dict[str, Any], start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        first = environ['PATH_INFO'].lstrip('/').partition('/')[0]
        if first == 'v1':
            return self._v1(environ, start_response)
        if first == 'workflow':
            return self._workflow(environ, start_response)
        if first == 'healthcheck':
            return self._health(environ, start_response)
        return self._public(environ, start_response)


def build(conf: cfg.ConfigOpts, conductor: Conductor) -> 'WSGIApplication':
    """The API for *conductor*: innermost first, each layer with its reason.

    :raises StartupError: when the configuration cannot work
    """
    v1 = Application(
        routes.routes(conf, conductor), [ProjectHook(), MicroversionHook()]
    )
    workflow = Application(
        workflow_routes.routes(conf, conductor),
        [ProjectHook()],
        WorkflowErrorHook(),
    )
    public = Application(routes.public_routes(conf), [MicroversionHook()])
    app: WSGIApplication = Dispatch(
        # Authentication only where there is something to protect.
        auth.authenticated(v1, conf),
        auth.authenticated(workflow, conf),
        Healthcheck(conductor.health),
        public,
    )
    # An id for every answer, refusals of the layers below included.
    app = Front(app)
    if conf.metrics.listen:
        app = Measured(app)
    # Making a layer registers its options, which say whether it is wanted.
    proxied = http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf)
    if conf.oslo_middleware.enable_proxy_headers_parsing:
        app = proxied
    # Outermost, so that a browser's preflight needs no token.
    shared = cors.CORS(app, conf)
    if conf.cors.allowed_origin:
        app = shared
    return app
