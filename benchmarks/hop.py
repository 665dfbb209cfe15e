# SPDX-License-Identifier: Apache-2.0
"""The ceiling with a hop: every request is one bare, unsealed call.

Over HTTP to a conductor that does what the ceiling does, through the HTTP
client and server of secretstore; or over RabbitMQ, through oslo.messaging, to
one that answers at once what it was sent. uWSGI runs the application with the
URL in BENCHMARK_CEILING_HOP; python -m benchmarks.hop
host:port, or with the URL of the bus, is a conductor.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
import functools
import os
import sys
import threading
import typing
import uuid

import msgspec

from benchmarks import ceiling, wire
from benchmarks.echo import transport
from secretstore.rpc import threads
from secretstore.rpc.http import addresses
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.server import HttpServer

URL = 'BENCHMARK_CEILING_HOP'
SERVING = 'Serving'
TOPIC = 'ceiling'
# As many as secretstore's conductors have.
THREADS = 16
_SECONDS = 30.0
_METHODS: dict[str, Callable[..., str | bytes]] = {
    'store': ceiling.store,
    'read': ceiling.read,
}
_making = threading.Lock()
_encode = msgspec.json.encode
_decode = msgspec.json.decode


def _over_http(url: str) -> ceiling.Application:
    client = HttpClient(addresses.from_url(url), timeout=_SECONDS)

    def call(method: str, **params: str) -> str:
        body = {'jsonrpc': '2.0', 'method': method, 'params': params, 'id': 1}
        answer = client.call(
            lambda _: _encode(body), repeatable=True, refused=lambda _: False
        )
        return str(_decode(answer)['result'])

    return ceiling.Application(
        lambda name, payload: call('store', name=name, payload=payload),
        lambda secret_id: base64.b64decode(call('read', secret_id=secret_id)),
    )


def _over_a_bus(url: str) -> ceiling.Application:
    library = threads.library('oslo_messaging')
    client = library.get_rpc_client(
        transport(url), library.Target(topic=TOPIC), timeout=_SECONDS
    ).prepare()
    # With what oslo.messaging adds, about what the smallest real calls have.
    text = 'b' * 300

    def store(*_: str) -> str:
        client.call({}, 'echo', body=text)
        return str(uuid.uuid4())

    def read(_: str) -> bytes:
        client.call({}, 'echo', body=text)
        return wire.KEY

    return ceiling.Application(store, read)


@functools.cache
def _made() -> ceiling.Application:
    url = os.environ[URL]
    is_http = url.startswith('http:')
    return _over_http(url) if is_http else _over_a_bus(url)


def application(
    environ: dict[str, typing.Any], start_response: ceiling.StartResponse
) -> list[bytes]:
    with _making:
        made = _made()
    return made(environ, start_response)


def _handle(body: bytes) -> bytes:
    request = _decode(body)
    result = _METHODS[request['method']](**request['params'])
    return _encode({'jsonrpc': '2.0', 'result': result, 'id': request['id']})


class _Echo:
    def echo(self, _: object, body: str) -> str:
        return body


def main() -> None:
    """Serve at host:port, or on a bus, whichever the first argument names."""
    place = sys.argv[1]
    if '://' not in place:
        HttpServer([place], _handle, running=THREADS).start()
    else:
        library = threads.library('oslo_messaging')
        target = library.Target(topic=TOPIC, server=f'ceiling-{os.getpid()}')
        library.get_rpc_server(transport(place), target, [_Echo()]).start(
            override_pool_size=THREADS
        )
    print(SERVING, flush=True)
    threading.Event().wait()


if __name__ == '__main__':
    main()
