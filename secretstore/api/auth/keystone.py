# SPDX-License-Identifier: Apache-2.0
"""``auth_strategy = keystone``: tokens of the Identity service."""

from collections.abc import Iterable
from datetime import UTC, datetime
import importlib
import logging
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions
from keystonemiddleware import auth_token
from keystonemiddleware import exceptions as middleware_exceptions
from oslo_config import cfg
from oslo_utils import timeutils
import webob

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

LOG = logging.getLogger(__name__)

_KEY = 'secretstore.credential'
_PACKAGES = {
    'memcache': 'python-memcached: pip install secretstore[memcached]',
    'bmemcached': 'python-binary-memcached: pip install it',
}


class KeystoneAuth:
    """keystonemiddleware's auth_token, asked once per token and minute.

    What auth_token remembers may be remembered here once more before it is
    forgotten there: a revoked token is refused after token_cache_time and
    auth_cache_time together, at the latest.

    Raises StartupError when [keystone_authtoken] never can work.
    """

    def __init__(self, app: 'WSGIApplication', conf: cfg.ConfigOpts) -> None:
        self._app = app
        try:
            self._auth_token = auth_token.AuthProtocol(
                self._proven, {'oslo_config_config': conf}
            )
        except (
            exceptions.ClientException,
            middleware_exceptions.ConfigurationError,
        ) as error:
            raise _refusal(str(error)) from error
        _check(conf)
        seconds = min(
            conf.api.auth_cache_time, conf.keystone_authtoken.token_cache_time
        )
        self._memo = IdentityMemo(seconds)

    def __call__(
        self, environ: Environ, start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        token = environ.get('HTTP_X_AUTH_TOKEN')
        if token:
            key = digest(token)
            alone = not environ.get('HTTP_X_SERVICE_TOKEN')
            if alone and self._memo.recall(key, environ):
                return self._app(environ, start_response)
            environ[_KEY] = key
        # auth_token knows fewer of the names that oslo.context believes.
        remove_identity(environ)
        try:
            result: Iterable[bytes] = self._auth_token(environ, start_response)
        # auth_token answers for some failures of the Identity service.
        except exceptions.ClientException as error:
            LOG.error('The Identity service cannot be used: %s', error)
            result = _unavailable()(environ, start_response)
        return result

    def _proven(
        self, environ: Environ, start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        key = environ.pop(_KEY, None)
        if not _is_confirmed(environ):
            # delay_auth_decision leaves it to us; nothing here is public.
            refusal = api_errors.response(
                401, 'The request you have made requires authentication.'
            )
            answer: Iterable[bytes] = refusal(environ, start_response)
            return answer
        if key is not None and _may_be_remembered(environ):
            self._memo.remember(key, environ, _remaining_life(environ))
        return self._app(environ, start_response)


def _check(conf: cfg.ConfigOpts) -> None:
    """Refuse what auth_token would find out at the first token."""
    own = conf.keystone_authtoken
    section = own.auth_section or 'keystone_authtoken'
    if not conf[section].auth_type:
        raise _refusal('auth_type is not set')
    if not own.memcached_servers:
        return
    needed = 'memcache'
    if own.memcache_sasl_enabled or own.memcache_tls_enabled:
        needed = 'bmemcached'
    try:
        importlib.import_module(needed)
    except ImportError as error:
        package = _PACKAGES[needed]
        raise _refusal(f'memcached_servers needs {package}') from error


def _refusal(reason: str) -> errors.StartupError:
    line = ' '.join(reason.split())
    return errors.StartupError(f'[keystone_authtoken] {line}')


def _unavailable() -> webob.Response:
    return api_errors.response(
        503,
        'The Identity service is not available at the moment.',
        {'Retry-After': api_errors.RETRY_AFTER_SECONDS},
    )


def _token_of(environ: Environ) -> dict[str, Any]:
    info = environ.get('keystone.token_info') or {}
    token: dict[str, Any] = info.get('token') or {}
    return token


def _may_be_remembered(environ: Environ) -> bool:
    """Whether the proof holds for any request with the same token.

    It does not when the answer depends on the request (access rules of an
    application credential), on the connection (bound tokens), or on a
    second token with a life of its own.
    """
    token = _token_of(environ)
    credential = token.get('application_credential') or {}
    return (
        not environ.get('HTTP_X_SERVICE_TOKEN')
        and credential.get('access_rules') is None
        and 'bind' not in token
        and 'oauth2_credential' not in token
    )


def _is_confirmed(environ: Environ) -> bool:
    service = environ.get('HTTP_X_SERVICE_IDENTITY_STATUS', 'Confirmed')
    return (
        environ.get('HTTP_X_IDENTITY_STATUS') == 'Confirmed'
        and service == 'Confirmed'
    )


def _remaining_life(environ: Environ) -> float:
    expires = _token_of(environ).get('expires_at')
    if not expires:
        return 0
    at = timeutils.parse_isotime(expires)
    return float((at - datetime.now(UTC)).total_seconds())
