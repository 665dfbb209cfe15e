# SPDX-License-Identifier: Apache-2.0
"""The API whose conductors are processes of their own.

Nothing that is imported here, also indirectly, knows keys or the database.
"""

import sys
from typing import TYPE_CHECKING

from oslo_config import cfg

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def application(conf: cfg.ConfigOpts) -> 'WSGIApplication':
    """The API, which need not find a conductor to start.

    :raises StartupError: when the configuration cannot work
    """
    # pecan imports it when it can.
    sys.modules.setdefault('sqlalchemy', None)  # type: ignore[arg-type]
    from secretstore.api import app
    from secretstore.cmd import seal_keys
    from secretstore.rpc import client, connect

    connect.name_queues(conf, 'secretstore-api')
    remote = client.connect(conf)
    seal_keys.log(conf)
    return app.build(conf, remote)
