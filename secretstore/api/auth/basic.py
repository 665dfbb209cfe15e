# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = http_basic``: users of a bcrypt password file."""

from collections.abc import Iterable
import os
from typing import TYPE_CHECKING

from oslo_config import cfg
from oslo_middleware import basic_auth
import webob
import webob.exc

from secretstore import errors
from secretstore.api import errors as api_errors
from secretstore.api.auth.memo import (
    Environ,
    IdentityMemo,
    digest,
    remove_identity,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication


class BasicAuth:
    """Verifies passwords with oslo.middleware and assigns projects, roles.

    Every user is ``member`` and ``reader`` of a project; those named in
    ``[http_basic] admins`` are ``admin`` as well.
    """

    def __init__(self, app: 'WSGIApplication', conf: cfg.ConfigOpts) -> None:
        self._app = app
        conf.register_opts(basic_auth.OPTS, group='oslo_middleware')
        self._file = conf.oslo_middleware.http_basic_auth_user_file
        self._project_id = conf.http_basic.project_id
        self._admins = frozenset(conf.http_basic.admins)
        self._memo = IdentityMemo(conf.api.auth_cache_time)
        try:
            basic_auth.validate_auth_file(self._file)
        except Exception as error:
            raise errors.StartupError(
                f'The password file {self._file} cannot be used: {error}'
            ) from error

    def __call__(
        self, environ: Environ, start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        key = digest(environ.get('HTTP_AUTHORIZATION', ''), self._version())
        if not self._memo.recall(key, environ):
            try:
                self._verify(environ)
            # bcrypt raises ValueError for what it takes for no password.
            except (webob.exc.HTTPException, ValueError):
                refusal: Iterable[bytes] = _refusal()(environ, start_response)
                return refusal
            self._memo.remember(key, environ)
        return self._app(environ, start_response)

    def _version(self) -> str:
        """Another text after each change of the password file."""
        try:
            info = os.stat(self._file)
        except OSError:
            return ''
        return f'{info.st_mtime_ns} {info.st_ino} {info.st_size}'

    def _verify(self, environ: Environ) -> None:
        remove_identity(environ)
        token = basic_auth.parse_header(environ)
        name, password = basic_auth.parse_token(token)
        if not name.isprintable() or name.startswith('#'):
            # It would be logged, with its line breaks; '#' is a comment.
            raise webob.exc.HTTPUnauthorized
        basic_auth.authenticate(self._file, name, password)
        roles = 'member,reader'
        if name in self._admins:
            roles += ',admin'
        project_id = self._project_id or name
        environ.update(
            {
                'HTTP_X_USER_ID': name,
                'HTTP_X_USER_NAME': name,
                'HTTP_X_PROJECT_ID': project_id,
                'HTTP_X_PROJECT_NAME': project_id,
                'HTTP_X_ROLES': roles,
            }
        )


def _refusal() -> webob.Response:
    return api_errors.response(
        401,
        'The request you have made requires authentication.',
        {'WWW-Authenticate': 'Basic realm="secretstore"'},
    )
