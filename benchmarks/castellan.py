# SPDX-License-Identifier: Apache-2.0
"""What Nova and Cinder wait for: castellan's methods, one caller at a time.

castellan sleeps for a quarter of a second before it looks whether an order
is done, which no service can make shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import math
import statistics
import time
import typing

from castellan.common.objects import symmetric_key
from castellan.key_manager import barbican_key_manager
from oslo_config import cfg
from oslo_context import context

from benchmarks import report, wire

SLEEP_MS = 250.0
ABOVE_SLEEP_MS = 20.0
CREATE_KEY = 'create_key'
CREATE_KEY_PAIR = 'create_key_pair'
STORE = 'store'
GET = 'get'
ALL = (CREATE_KEY, CREATE_KEY_PAIR, STORE, GET)


@dataclass(frozen=True)
class Times:
    """How long a method took, in ms."""

    service: str
    method: str
    calls: int
    median: float
    p99: float


class Caller:
    """castellan as a service uses it, against one endpoint."""

    def __init__(self, endpoint: str, auth_url: str, token: str) -> None:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        self._manager = barbican_key_manager.BarbicanKeyManager(conf)
        conf.set_override('barbican_endpoint', endpoint, 'barbican')
        conf.set_override('auth_endpoint', auth_url, 'barbican')
        self._context = context.RequestContext(
            auth_token=token, overwrite=False
        )
        key = symmetric_key.SymmetricKey('AES', 256, wire.KEY)
        self._stored = self._manager.store(self._context, key)
        self._calls: dict[str, Callable[[], typing.Any]] = {
            CREATE_KEY: lambda: self._manager.create_key(
                self._context, algorithm='AES', length=256
            ),
            CREATE_KEY_PAIR: lambda: self._manager.create_key_pair(
                self._context, algorithm='RSA', length=2048
            ),
            STORE: lambda: self._manager.store(self._context, key),
            GET: lambda: self._manager.get(self._context, self._stored),
        }

    def times(self, service: str, method: str, calls: int) -> Times:
        call = self._calls[method]
        call()
        took = []
        for _ in range(calls):
            began = time.perf_counter()
            call()
            took.append((time.perf_counter() - began) * 1e3)
        took.sort()
        # The largest but one in a hundred.
        last = took[math.ceil(0.99 * len(took)) - 1]
        return Times(service, method, calls, statistics.median(took), last)


def measure(
    callers: typing.Mapping[str, Caller], calls: int
) -> Sequence[Times]:
    """All methods on all services; the slowest, a key pair, less often."""
    found = []
    for method in ALL:
        count = max(1, calls // 5) if method == CREATE_KEY_PAIR else calls
        for service, caller in callers.items():
            report.say(f'castellan: {method} on {service}')
            found.append(caller.times(service, method, count))
    return found


def table(found: Sequence[Times], judged: str) -> report.Table:
    """Every figure; the verdict is on create_key of the judged service."""
    cells = []
    for times in found:
        verdict = target = ''
        if times.service == judged and times.method == CREATE_KEY:
            limit = SLEEP_MS + ABOVE_SLEEP_MS
            target = f'p99 <= {limit:.0f}'
            verdict = 'met' if times.p99 <= limit else 'NOT MET'
        cells.append(
            (
                times.method,
                times.service,
                str(times.calls),
                report.number(times.median),
                report.number(times.p99),
                target,
                verdict,
            )
        )
    head = ('method', 'service', 'calls', 'median ms', 'p99 ms')
    note = (
        'create_key and create_key_pair include the quarter of a second for'
        ' which castellan sleeps.'
    )
    return report.Table(
        'castellan, one call at a time',
        (*head, 'target', 'verdict'),
        cells,
        note,
    )
