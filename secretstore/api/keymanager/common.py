# SPDX-License-Identifier: Apache-2.0
"""What the controllers of /v1 share: versions, references, ids, answers."""

from collections.abc import Mapping
from datetime import datetime
import json
import re
from typing import Any

import microversion_parse
from oslo_config import cfg
import pecan.hooks
import webob

from secretstore import errors
from secretstore.api.errors import IssueSeen

SERVICE_TYPE = 'key-manager'
VERSIONS = ['1.0', '1.1', '1.2']
MINOR = 'secretstore.microversion'
_FORWARDED = 'HTTP_X_FORWARDED_PROTO'

_LONGEST_PROJECT_ID = 255
_UUID4 = re.compile(
    '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
)
_VERSION = re.compile('[0-9]+[.][0-9]+')


class MicroversionHook(pecan.hooks.PecanHook):  # type: ignore[misc]
    """Reads the microversion of a request, and tells it in the answer."""

    priority = 10

    def before(self, state: Any) -> None:
        environ = state.request.environ
        environ[MINOR] = 0
        if 'HTTP_OPENSTACK_API_VERSION' in environ:
            environ[MINOR] = _minor(environ)

    def after(self, state: Any) -> None:
        minor = state.request.environ.get(MINOR, 0)
        state.response.headerlist += [
            ('OpenStack-API-Version', f'{SERVICE_TYPE} {VERSIONS[minor]}'),
            ('Vary', 'OpenStack-API-Version'),
            # X-Auth-Token means nothing to a shared cache.
            ('Cache-Control', 'no-store'),
        ]


def _minor(environ: Mapping[str, Any]) -> int:
    version = microversion_parse.get_version(
        {'OpenStack-API-Version': environ['HTTP_OPENSTACK_API_VERSION']},
        service_type=SERVICE_TYPE,
    )
    if version is None:
        return 0
    if version == 'latest':
        return len(VERSIONS) - 1
    if _VERSION.fullmatch(version) is None:
        raise errors.InvalidInput(
            f'Invalid microversion: invalid version string: {version}'
        )
    if version not in VERSIONS:
        raise errors.NotAcceptable(
            f'Invalid microversion: Unacceptable version header: {version}'
        )
    return VERSIONS.index(version)


def minor_version(request: webob.Request) -> int:
    """N of the requested microversion 1.N."""
    minor: int = request.environ[MINOR]
    return minor


def base_url(request: webob.Request, conf: cfg.ConfigOpts) -> str:
    """Where the caller reaches this API, with the version, no slash."""
    base: str = conf.host_href or request.application_url
    if not conf.host_href and _FORWARDED in request.environ:
        # Heard without being told to, as Barbican does: a caller who makes
        # it up deceives nobody else.
        scheme = request.environ[_FORWARDED].lower()
        if scheme in ('http', 'https'):
            base = f'{scheme}://{without_scheme(base)}'
    return base.rstrip('/') + '/v1'


def without_scheme(url: str) -> str:
    """What is behind ``https://``."""
    return url.split('://', 1)[-1]


def is_id(text: str) -> bool:
    """Whether it is an id as this API writes them."""
    return _UUID4.fullmatch(text) is not None


def canonical_id(text: str, kind: str) -> str:
    """*text* when it is an id as this API writes them.

    :param kind: what it identifies, for the message ('secret')
    :raises NotFound: for everything but a lower-case UUID4 with dashes
    """
    if not is_id(text):
        raise errors.NotFound(f'Not Found. Provided {kind} id is invalid.')
    return text


def project_id(segment: str, missing: str) -> str:
    """A project's id from the URL.

    :raises NotFound: with these words, for what cannot be one
    """
    try:
        found = segment.encode('latin-1').decode('utf-8')
    except UnicodeError:
        found = ''
    if not found.isprintable() or not 0 < len(found) <= _LONGEST_PROJECT_ID:
        raise errors.NotFound(missing)
    return found


def transport_key_id(text: str) -> str:
    """*text* when it may be the id of a transport key; IssueSeen if not."""
    if not is_id(text):
        raise IssueSeen(400, 'Provided transport key was not found.')
    return text


def require_json_accepted(request: webob.Request) -> None:
    """Raise NotAcceptable when the caller does not take JSON."""
    accept = request.environ.get('HTTP_ACCEPT')
    if accept in (None, '', '*/*', 'application/json'):
        return
    if not request.accept.acceptable_offers(['application/json']):
        raise errors.NotAcceptable('Only application/json is available.')


def time_text(time: datetime) -> str:
    """A time as answers tell it: always with microseconds."""
    return time.isoformat(timespec='microseconds')


def answer(
    status: int, data: Any, headers: list[tuple[str, str]] | None = None
) -> webob.Response:
    """A JSON answer."""
    body = json.dumps(data).encode()
    return webob.Response(
        status=status,
        headerlist=[
            ('Content-Type', 'application/json'),
            ('Content-Length', str(len(body))),
            *(headers or []),
        ],
        app_iter=[body],
    )


def no_content() -> webob.Response:
    """204, with the length that some clients wait for."""
    return webob.Response(
        status=204, headerlist=[('Content-Length', '0')], app_iter=[]
    )
