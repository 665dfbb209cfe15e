# SPDX-License-Identifier: Apache-2.0
"""A key manager that knows its answers: what castellan costs by itself.

The answers are what castellan needs to go on, and always the same: Keystone
is asked about each token, and nothing else done. Whatever a caller waits for
here it waits for with any service: castellan's own sleep and work, its new
token in each call, and that a service must have it confirmed.
"""

from __future__ import annotations

import json
import os
import typing

from keystonemiddleware import auth_token

from benchmarks import wire

if typing.TYPE_CHECKING:
    from wsgiref.types import StartResponse

_ID = '6f3c1b5a-0f3d-4a43-9d9c-6c3a51f0a1de'
_TIME = '2026-01-01T00:00:00.000000'
_ORDER = {
    'created': _TIME,
    'updated': _TIME,
    'status': 'ACTIVE',
    'type': 'key',
    'meta': {'algorithm': 'AES', 'bit_length': 256, 'mode': None},
}
_SECRET = {
    'created': _TIME,
    'updated': _TIME,
    'status': 'ACTIVE',
    'name': None,
    'secret_type': 'symmetric',
    'algorithm': 'AES',
    'bit_length': 256,
    'mode': None,
    'expiration': None,
    'content_types': {'default': wire.OCTETS},
}


def _answers(base: str) -> dict[tuple[str, str], tuple[str, typing.Any]]:
    """Status and body by method and kind of path."""
    secret = {'secret_ref': f'{base}/v1/secrets/{_ID}'}
    order = {'order_ref': f'{base}/v1/orders/{_ID}'}
    version = {
        'id': 'v1',
        'status': 'CURRENT',
        'min_version': '1.0',
        'max_version': '1.2',
        'links': [{'rel': 'self', 'href': f'{base}/v1/'}],
    }
    return {
        ('GET', ''): ('300 Multiple Choices', {'versions': [version]}),
        ('POST', 'orders'): ('202 Accepted', order),
        ('GET', 'orders'): (
            '200 OK',
            {**_ORDER, **secret, **order},
        ),
        ('POST', 'secrets'): ('201 Created', secret),
        ('GET', 'secrets'): ('200 OK', {**_SECRET, **secret}),
    }


def _answer(
    environ: dict[str, typing.Any], start_response: StartResponse
) -> list[bytes]:
    """Whatever castellan asks, but for key pairs."""
    method, parts = environ['REQUEST_METHOD'], environ['PATH_INFO'].split('/')
    if size := int(environ.get('CONTENT_LENGTH') or 0):
        environ['wsgi.input'].read(size)
    status, kind, body = '204 No Content', 'application/json', b''
    if parts[-1] == 'payload':
        status, kind, body = '200 OK', wire.OCTETS, wire.KEY
    elif method != 'DELETE':
        answers = _answers(f'http://{environ["HTTP_HOST"]}')
        status, data = answers[method, ''.join(parts[2:3])]
        body = json.dumps(data).encode()
    start_response(
        status, [('Content-Type', kind), ('Content-Length', str(len(body)))]
    )
    return [body]


# The whole of keystonemiddleware's options, as JSON.
application = auth_token.AuthProtocol(
    _answer, json.loads(os.environ['BENCHMARK_CANNED_AUTH'])
)
