# SPDX-License-Identifier: Apache-2.0
"""How callers prove who they are: one module per ``auth_strategy``."""

from typing import TYPE_CHECKING

from oslo_config import cfg

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def authenticated(
    app: 'WSGIApplication', conf: cfg.ConfigOpts
) -> 'WSGIApplication':
    """*app* behind the configured strategy.

    Strategies are imported when chosen: keystonemiddleware is large and
    needless without an Identity service.
    """
    if conf.auth_strategy == 'keystone':
        from secretstore.api.auth import keystone

        return keystone.KeystoneAuth(app, conf)
    if conf.auth_strategy == 'http_basic':
        from secretstore.api.auth import basic

        return basic.BasicAuth(app, conf)
    from secretstore.api.auth import noauth

    return noauth.NoAuth(app)
