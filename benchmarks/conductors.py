# SPDX-License-Identifier: Apache-2.0
"""Conductors without an API in front: calls through the RPC client.

As much of the machine as possible is left to the conductors, to see what a
second one adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent import futures
import functools
import pathlib
import random
import time
import uuid

from oslo_config import cfg

from benchmarks import client, wire
from secretstore.context import RequestContext
from secretstore.rpc import client as rpc
from secretstore.rpc import interface

PAYLOAD = 'payload of 10 kB'
PAGE = 'list of 100'
PAIR = 'RSA key pair'
QUICK = (PAYLOAD, PAGE)
ALL = (*QUICK, PAIR)
# One caller of each conductor gets its key pair at once, and a conductor
# makes one at a time.
OPTIONS = {'orders': {'asymmetric_workers': 1, 'asymmetric_budget': 20}}
_SIZE = 10_000
_LONGEST_ORDER = 30.0
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
_ORDER: interface.NewOrder = {
    'type': 'asymmetric',
    'meta': {'name': 'benchmark', 'algorithm': 'rsa', 'bit_length': 2048},
    'expiration': None,
    'pass_phrase': None,
}


class Direct:
    """A load of calls in threads of this process.

    :param config_file: of a conductor
    :param places: of the conductors to call
    """

    def __init__(
        self, config_file: pathlib.Path, places: Sequence[str]
    ) -> None:
        conf = cfg.ConfigOpts()
        conf(['--config-file', str(config_file)], project='benchmarks')
        # One client for each, so that they have the same number of callers.
        self._conductors = [
            rpc.connect(conf, f'http://{place}/') for place in places
        ]
        self._context = RequestContext(
            user_id=uuid.uuid4().hex,
            project_id=uuid.uuid4().hex,
            roles=['member'],
            overwrite=False,
        )
        self._ids = [
            self._conductors[0].secrets.create(self._context, _SECRET)
            for _ in range(_ENTRIES)
        ]

    def run(
        self, operation: str, connections: int, seconds: float
    ) -> client.Result:
        """One burst, with so many connections to each conductor."""
        call = {PAYLOAD: self._payload, PAGE: self._page, PAIR: self._pair}
        callers = self._conductors * connections
        result = client.Result(len(callers))
        cpu, began = time.process_time(), time.perf_counter()
        with futures.ThreadPoolExecutor(len(callers)) as threads:
            loops = [
                threads.submit(
                    _loop,
                    functools.partial(call[operation], conductor),
                    began + seconds,
                )
                for conductor in callers
            ]
            for loop in loops:
                result.times += loop.result()
        result.wall = time.perf_counter() - began
        result.client_cpu = time.process_time() - cpu
        return result

    def _payload(self, conductor: interface.Conductor) -> bool:
        secret = random.choice(self._ids)  # noqa: S311
        found = conductor.secrets.payload(self._context, secret)
        return found.data == _SECRET['payload']

    def _page(self, conductor: interface.Conductor) -> bool:
        found = conductor.secrets.page(self._context, _QUERY)
        return len(found.items) == _ENTRIES

    def _pair(self, conductor: interface.Conductor) -> bool:
        order_id = conductor.orders.create(self._context, _ORDER)
        until = time.monotonic() + _LONGEST_ORDER
        while time.monotonic() < until:
            order = conductor.orders.get(self._context, order_id)
            if order['status'] == 'ACTIVE':
                return True
            # The thread that made the one before may not be free yet.
            time.sleep(0.01)
        return False


def _loop(call: Callable[[], bool], until: float) -> list[float]:
    times = []
    began = time.perf_counter()
    while began < until:
        if not call():
            raise client.LoadError('a conductor gave a wrong result')
        now = time.perf_counter()
        times.append(now - began)
        began = now
    return times
