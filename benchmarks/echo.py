# SPDX-License-Identifier: Apache-2.0
"""What a hop costs before it carries anything: python -m benchmarks.echo.

Processor time per call at both ends, and calls per second, of about 300 bytes
each way, on the HTTP client and server of the split form: through these
alone; as a sealed call of the RPC client, which the other end opens and
dispatches to a method that answers at once, and whose answer it seals; and
through oslo.messaging on the driver that uses these two.
"""

import argparse
from collections.abc import Callable
import contextlib
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
from typing import Any, NamedTuple, cast
import uuid

from oslo_config import cfg

from benchmarks import process, summary
from secretstore.context import RequestContext
from secretstore.rpc import codec, interface, threads, wire
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.http import addresses
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.server import HttpServer
from secretstore.rpc.sealing import Sealing

BARE, SEALED, MESSAGING = KINDS = ('http', 'sealed', 'messaging')
# How much of the processor a sealed call may take, in times of a bare one.
MOST = 5.0
_VALUE = {'id': 'a' * 32, 'kid': 'k' * 32, 'data': 'd' * 180, 'n': 1}
_BODY = wire.encode(
    {'jsonrpc': '2.0', 'method': 'echo', 'params': _VALUE, 'id': '1'}
)
_SEALED = {'secrets.payload': codec.METHODS['secrets.payload']}
_SEAL_KEY = bytes(range(32))
_ANSWER = interface.Payload('application/octet-stream', b'd' * 180)
_Call = Callable[[], object]


class Figures(NamedTuple):
    """Microseconds of processor time per call, and calls per second."""

    client: float
    server: float
    rate: float

    @property
    def sum(self) -> float:
        return self.client + self.server


def main() -> None:
    """Print a line for each way, and each number of callers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=2.0)
    parser.add_argument('--callers', default='1,4,16')
    parser.add_argument('--serve', nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve(*arguments.serve)
        return
    callers = [int(text) for text in arguments.callers.split(',')]
    with tempfile.TemporaryDirectory() as folder:
        for place in (f'{folder}/socket', '127.0.0.1:0'):
            bare: dict[int, Figures] = {}
            for kind in KINDS:
                with _server(kind, place) as (url, pid):
                    call = _client(kind, url)
                    for count in callers:
                        found = _measure(call, count, arguments.seconds, pid)
                        first = bare.setdefault(count, found)
                        _print(kind, url, count, found, found.sum / first.sum)


def _print(
    kind: str, url: str, callers: int, found: Figures, times: float
) -> None:
    way = url.partition('://')[0]
    verdict = f'<= {MOST:g}: {summary.verdict(times <= MOST)}'
    print(
        f'{kind:<10}{way:<10} callers {callers:<3} client {found.client:6.1f}'
        f' server {found.server:6.1f} sum {found.sum:6.1f}'
        f' us  {found.rate:8,.0f}/s  CPU ratio {times:5.2f}'
        f' {verdict if kind == SEALED else ""}'.rstrip(),
        flush=True,
    )


@contextlib.contextmanager
def _server(kind: str, place: str) -> Any:
    command = [sys.executable, '-m', 'benchmarks.echo', '--serve', kind, place]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        try:
            yield started.stdout.readline().strip(), started.pid
        finally:
            started.kill()


def _serve(kind: str, place: str) -> None:
    if kind != MESSAGING:
        handle = _dispatcher().handle if kind == SEALED else lambda body: body
        server = HttpServer([place], handle)
        server.start()
        print(server.addresses[0], flush=True)
    else:
        library = threads.library('oslo_messaging')
        address = addresses.to_listen_at(place)
        target = library.Target(topic='echo', server='here')
        messaging = library.get_rpc_server(
            transport(str(address)), target, [_Endpoint()]
        )
        messaging.start()
        print(messaging.listener.addresses[0], flush=True)
    threading.Event().wait()


class _Secrets:
    """Implements as much of the interface as is called."""

    def payload(
        self, context: RequestContext, secret_id: str
    ) -> interface.Payload:
        return _ANSWER


def _dispatcher() -> Dispatcher:
    conductor = types.SimpleNamespace(secrets=_Secrets())
    return Dispatcher(
        cast(Any, conductor), Sealing([_SEAL_KEY]), methods=_SEALED
    )


class _Endpoint:
    def echo(self, context: object, **arguments: object) -> object:
        return arguments


def transport(url: str) -> Any:
    """oslo.messaging's, with its own defaults."""
    # Where oslo.messaging looks for options of its own.
    conf = cfg.CONF  # noqa: TID251
    conf([], default_config_files=[])
    return threads.library('oslo_messaging').get_rpc_transport(conf, url)


def _client(kind: str, url: str) -> _Call:
    if kind != MESSAGING:
        client = HttpClient(addresses.from_url(url))
        if kind == SEALED:
            return _sealed_call(client)
        return lambda: client.call(
            lambda _: _BODY, repeatable=True, refused=wire.is_refused
        )
    library = threads.library('oslo_messaging')
    prepared = library.get_rpc_client(
        transport(url), library.Target(topic='echo'), timeout=10
    ).prepare()
    return lambda: prepared.call({'user': 'u'}, 'echo', **_VALUE)


def _sealed_call(transport: HttpClient) -> _Call:
    client = Client(transport, Sealing([_SEAL_KEY]), methods=_SEALED)
    context = RequestContext(
        user_id='u' * 32, project_id='p' * 32, roles=['member']
    )
    return functools.partial(
        client.conductor().secrets.payload, context, str(uuid.uuid4())
    )


def _measure(call: _Call, callers: int, seconds: float, pid: int) -> Figures:
    """The median of three runs, by the processor time of both ends."""
    _run(call, callers, seconds / 4)
    runs = []
    for _ in range(3):
        before = process.cpu_seconds(os.getpid()), process.cpu_seconds(pid)
        count = _run(call, callers, seconds)
        after = process.cpu_seconds(os.getpid()), process.cpu_seconds(pid)
        spent = [
            (late - early) / count * 1e6
            for early, late in zip(before, after, strict=True)
        ]
        # The server is a child of this process.
        runs.append(Figures(spent[0] - spent[1], spent[1], count / seconds))
    median = statistics.median_low([run.sum for run in runs])
    return next(run for run in runs if run.sum == median)


def _run(call: _Call, callers: int, seconds: float) -> int:
    counts = [0] * callers
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        count = 0
        while time.perf_counter() < until:
            call()
            count += 1
        counts[number] = count

    workers = [
        threading.Thread(target=work, args=(number,))
        for number in range(callers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


if __name__ == '__main__':
    main()
