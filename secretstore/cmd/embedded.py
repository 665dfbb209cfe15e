# SPDX-License-Identifier: Apache-2.0
"""The API with its conductor in the same process."""

from typing import TYPE_CHECKING

from oslo_config import cfg

from secretstore.api import app
from secretstore.cmd import database_failures
from secretstore.conductor import service as conductor

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def application(conf: cfg.ConfigOpts) -> 'WSGIApplication':
    """The API, and a conductor for it; StartupError says what is wrong."""
    with database_failures.named():
        return app.build(conf, conductor.start_embedded(conf))
