# SPDX-License-Identifier: Apache-2.0
"""Conductors without an API in front: calls through the RPC client.

As much of the machine as possible is left to the conductors, to see what a
second one adds.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
import itertools
import os
import pathlib
import time
import uuid

from oslo_config import cfg

from benchmarks import client, wire
from secretstore.context import RequestContext
from secretstore.rpc import client as rpc
from secretstore.rpc import interface

PAYLOAD = 'payload of 10 kB'
PAGE = 'list of 100'
ALL = (PAYLOAD, PAGE)
_SIZE = 10_000
_ENTRIES = 100
_QUERY: interface.SecretQuery = {
    'limit': _ENTRIES,
    'offset': 0,
    'marker': None,
    'name': None,
    'algorithm': None,
    'mode': None,
    'bit_length': None,
    'secret_type': None,
    'created': (),
    'updated': (),
    'expiration': (),
    'sort': (),
    'acl_only': False,
}
_SECRET: interface.NewSecret = {
    'name': 'benchmark',
    'secret_type': 'opaque',
    'algorithm': None,
    'bit_length': None,
    'mode': None,
    'expiration': None,
    'content_type': wire.OCTETS,
    'payload': wire.payload(_SIZE),
}


class Direct:
    """A load of calls in threads of this process.

    :param config_file: of a conductor
    :param url: of the conductors to call
    """

    def __init__(self, config_file: pathlib.Path, url: str) -> None:
        conf = cfg.ConfigOpts()
        conf(['--config-file', str(config_file)], project='benchmarks')
        self._conductor = rpc.connect(conf, url)
        self._context = RequestContext(
            user_id=uuid.uuid4().hex,
            project_id=uuid.uuid4().hex,
            roles=['member'],
            overwrite=False,
        )
        self._ids = [
            self._conductor.secrets.create(self._context, _SECRET)
            for _ in range(_ENTRIES)
        ]

    def run(
        self, operation: str, connections: int, seconds: float
    ) -> client.Result:
        """One burst, with a connection for each thread."""
        call = self._payload if operation == PAYLOAD else self._page
        result = client.Result(connections)
        cpu, began = time.process_time(), time.perf_counter()
        with futures.ThreadPoolExecutor(connections) as threads:
            loops = [
                threads.submit(self._loop, call, began + seconds)
                for _ in range(connections)
            ]
            for loop in loops:
                result.times += loop.result()
        result.wall = time.perf_counter() - began
        result.client_cpu = time.process_time() - cpu
        return result

    def _loop(self, call: Callable[[str], bool], until: float) -> list[float]:
        times = []
        # Threads begin at different secrets.
        first = os.urandom(1)[0] % len(self._ids)
        ids = itertools.cycle([*self._ids[first:], *self._ids[:first]])
        began = time.perf_counter()
        while began < until:
            if not call(next(ids)):
                raise client.LoadError('a conductor gave a wrong result')
            now = time.perf_counter()
            times.append(now - began)
            began = now
        return times

    def _payload(self, secret_id: str) -> bool:
        found = self._conductor.secrets.payload(self._context, secret_id)
        return found.data == _SECRET['payload']

    def _page(self, _: str) -> bool:
        found = self._conductor.secrets.page(self._context, _QUERY)
        return len(found.items) == found.total == _ENTRIES
