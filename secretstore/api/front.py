# SPDX-License-Identifier: Apache-2.0
"""The outermost layer: what holds for every request, whoever answers it.

oslo.middleware's request id is built on webob and costs 13 us; this one is
also where the log learns which request it speaks of before anybody knows
who asks.
"""

from collections.abc import Iterable
import contextlib
import io
import logging
import os
import re
import socket
from typing import TYPE_CHECKING, Any

from oslo_context import context as oslo_context

from secretstore.api import errors
from secretstore.context import RequestContext

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

LOG = logging.getLogger(__name__)

REQUEST_ID = 'openstack.request_id'
GLOBAL_REQUEST_ID = 'openstack.global_request_id'
# A longer body is not worth a connection.
MAX_DRAINED = 65536
MAX_CHUNKED = 1 << 20

_ID = re.compile('req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class Front:
    """Gives each request an id, and each failure an answer."""

    def __init__(self, app: 'WSGIApplication') -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        request_id = _identify(environ)

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            headers.append(('X-Openstack-Request-Id', request_id))
            return start_response(status, headers, exc_info)

        if _is_endless(environ) and not _take_apart(environ):
            # Nobody can tell where such a body ends, nor the next begins.
            refusal = errors.response(411, 'Content-Length is required.')
            answer: Iterable[bytes] = refusal(environ, start)
            return answer
        try:
            result = self._app(environ, start)
        except Exception:
            LOG.exception('A request failed before it was understood')
            failure = errors.response(500, 'Please contact site administrator')
            result = failure(environ, start)
        _drain(environ)
        return result


def _identify(environ: dict[str, Any]) -> str:
    """A new request id, known to the log; the caller's own beside it."""
    request_id = oslo_context.generate_request_id()
    environ[REQUEST_ID] = request_id
    inbound = environ.get('HTTP_X_OPENSTACK_REQUEST_ID', '')
    if _ID.fullmatch(inbound):
        environ[GLOBAL_REQUEST_ID] = inbound
    # It takes the place of the one that this thread served before.
    RequestContext(
        request_id=request_id,
        global_request_id=environ.get(GLOBAL_REQUEST_ID),
    )
    return request_id


def _is_endless(environ: dict[str, Any]) -> bool:
    """Whether the body comes in chunks that the server does not take apart."""
    return 'HTTP_TRANSFER_ENCODING' in environ and not environ.get(
        'wsgi.input_terminated'
    )


def _take_apart(environ: dict[str, Any]) -> bool:
    """Put together a body that came in chunks, under uWSGI.

    uWSGI 2.0 leaves chunks to the application, and takes what was not read
    of them for the next request: behind a proxy that shares connections,
    one client's chunks could become another's request.  False when there is
    no such server, or the body has no end; its connection then ends here.
    """
    if 'uwsgi.version' not in environ:
        return False
    import uwsgi  # there is none but inside of uWSGI

    parts, left = [], MAX_CHUNKED
    # It raises OSError for what are no chunks, or come too late.
    with contextlib.suppress(OSError):
        while part := uwsgi.chunked_read():
            left -= len(part)
            if left < 0:
                break
            parts.append(part)
        else:
            body = b''.join(parts)
            environ['wsgi.input'] = io.BytesIO(body)
            environ['CONTENT_LENGTH'] = str(len(body))
            return True
    with socket.socket(fileno=os.dup(uwsgi.connection_fd())) as client:
        client.shutdown(socket.SHUT_RDWR)
    return False


def _drain(environ: dict[str, Any]) -> None:
    """Read what nobody has read of a body, under uWSGI.

    A refusal looks at no body, and uWSGI then resets a kept-alive
    connection under the client's next request.  Other servers see to their
    connections themselves, and may wait for ever for a body that is late.
    """
    if 'uwsgi.version' not in environ:
        return
    announced = environ.get('CONTENT_LENGTH') or '0'
    if announced.isdecimal() and 0 < int(announced) <= MAX_DRAINED:
        while environ['wsgi.input'].read(MAX_DRAINED):
            pass
