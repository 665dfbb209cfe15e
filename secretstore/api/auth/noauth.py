# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = noauth``: believes what the caller says; never deploy."""

from collections.abc import Iterable
import logging
from typing import TYPE_CHECKING

from secretstore.api.auth.memo import Environ, remove_identity

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

LOG = logging.getLogger(__name__)

DEFAULT_PROJECT = 'default'
DEFAULT_ROLES = 'admin,member,reader'


class NoAuth:
    """Takes project, user and roles from ``X-Project-Id`` and the like."""

    def __init__(self, app: 'WSGIApplication') -> None:
        LOG.warning('auth_strategy is noauth: every caller is believed.')
        self._app = app

    def __call__(
        self, environ: Environ, start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        claimed = {
            'HTTP_X_PROJECT_ID': environ.get(
                'HTTP_X_PROJECT_ID', DEFAULT_PROJECT
            ),
            'HTTP_X_USER_ID': environ.get('HTTP_X_USER_ID', 'anonymous'),
            'HTTP_X_ROLES': environ.get('HTTP_X_ROLES', DEFAULT_ROLES),
        }
        remove_identity(environ)
        environ.update(claimed)
        return self._app(environ, start_response)
