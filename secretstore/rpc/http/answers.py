# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire as an answer, as bytes ready to send."""

import http
import json

from secretstore.rpc import wire

_HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
_KEPT = _HEAD + b'Content-Length: %d\r\n\r\n%b'
_LAST = _HEAD + b'Connection: close\r\nContent-Length: %d\r\n\r\n%b'


def success(body: bytes) -> bytes:
    """After which the connection stays open."""
    return _KEPT % (len(body), body)


def last_success(body: bytes) -> bytes:
    """After which the connection is closed."""
    return _LAST % (len(body), body)


def _error(status: int, message: str, code: int, *headers: str) -> bytes:
    body = json.dumps(
        {
            'jsonrpc': '2.0',
            'error': {'code': code, 'message': message},
            'id': None,
        }
    )
    lines = [
        f'HTTP/1.1 {status} {http.HTTPStatus(status).phrase}',
        'Content-Type: application/json',
        *headers,
        f'Content-Length: {len(body)}',
    ]
    return '\r\n'.join([*lines, '', body]).encode()


def _refusal(message: str, *headers: str) -> bytes:
    """The request was not executed, and may be sent elsewhere."""
    return _error(503, message, wire.BUSY, 'Retry-After: 1', *headers)


CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'
OVERLOADED = _refusal('Overloaded; the request was not executed')

# After these the connection is closed.
_CLOSE = 'Connection: close'
STOPPING = _refusal('Closing; the request was not executed', _CLOSE)
FULL = _refusal('Too many connections; the request was not executed', _CLOSE)


def _last(
    status: int, message: str, *headers: str, code: int = wire.NOT_A_REQUEST
) -> bytes:
    return _error(status, message, code, _CLOSE, *headers)


MALFORMED = _last(400, 'Not an HTTP request')
WRONG_PATH = _last(404, 'Requests are sent to /')
WRONG_METHOD = _last(405, 'Requests are sent by POST', 'Allow: POST')
SLOW = _last(408, 'The request did not arrive in time')
NO_BODY = _last(411, 'A request has a body')
TOO_LARGE = _last(413, 'The request is too large')
WRONG_TYPE = _last(415, 'The content type of requests is application/json')
LONG_HEADERS = _last(431, 'The headers are too large')
FAILED = _last(500, 'Internal error', code=wire.INTERNAL)
