# SPDX-License-Identifier: Apache-2.0
"""Version discovery: GET / and GET /v1."""

from typing import Any

from oslo_config import cfg
import webob

from secretstore import errors, version
from secretstore.api.keymanager import common
from secretstore.context import RequestContext

_JSON = 'application/json'
_HOME = 'application/json-home'
_MEDIA_TYPES = [
    {
        'base': _JSON,
        'type': 'application/vnd.openstack.key-manager-v1+json',
    }
]
# The "barbican" strategy refuses what has it.
_IMPLEMENTATION = [(version.IMPLEMENTATION_HEADER, version.IMPLEMENTATION)]


class VersionsController:
    """Tells what this endpoint speaks; the shape depends on what is asked.

    Without a microversion the answer is the old one, with which clients
    stay at 1.0.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def index(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        if _wanted(request) == _HOME:
            # As Barbican: v1 has such a document, if anything.
            ref = common.base_url(request, self._conf) + '/'
            return common.answer(302, None, [('Location', ref)])
        found: Any = [self._version(request)]
        if common.minor_version(request) == 0:
            found = {'values': found}
        return common.answer(300, {'versions': found}, _IMPLEMENTATION)

    def show(
        self, context: RequestContext, request: webob.Request
    ) -> webob.Response:
        _wanted(request)
        return common.answer(200, {'version': self._version(request)})

    def _version(self, request: webob.Request) -> dict[str, Any]:
        links = [
            {
                'rel': 'self',
                'href': common.base_url(request, self._conf) + '/',
            },
            {
                'rel': 'describedby',
                'type': 'text/html',
                'href': 'https://docs.openstack.org/',
            },
        ]
        if common.minor_version(request) == 0:
            return {
                'id': 'v1',
                'status': 'stable',
                'links': links,
                'media-types': _MEDIA_TYPES,
            }
        return {
            'id': 'v1',
            'status': 'CURRENT',
            'min_version': common.VERSIONS[0],
            'max_version': common.VERSIONS[-1],
            'links': links,
        }


def _wanted(request: webob.Request) -> str:
    """The type that the caller likes best; NotAcceptable for any other."""
    found = request.accept.acceptable_offers([_JSON, _HOME])
    if not found:
        raise errors.NotAcceptable('Only application/json is available.')
    return str(found[0][0])
