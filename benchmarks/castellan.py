# SPDX-License-Identifier: Apache-2.0
"""What Nova and Cinder wait for: castellan's methods, one caller at a time.

castellan gets a new token from Keystone for each call, which a service must
have confirmed, and sleeps for a quarter of a second before it looks whether
an order is done. No service can make that shorter; canned.py shows what it
comes to.
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

ABOVE_FLOOR_MS = 20.0
CREATE_KEY = 'create_key'
CREATE_KEY_PAIR = 'create_key_pair'
STORE = 'store'
GET = 'get'
ALL = (CREATE_KEY, CREATE_KEY_PAIR, STORE, GET)
# What canned.py can answer.
CANNED = (CREATE_KEY, STORE, GET)


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

    def __init__(
        self,
        endpoint: str,
        auth_url: str,
        token: str,
        methods: Sequence[str] = ALL,
    ) -> None:
        self.methods = methods
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

    def milliseconds(self, method: str) -> float:
        """How long one call takes."""
        began = time.perf_counter()
        self._calls[method]()
        return (time.perf_counter() - began) * 1e3


def measure(
    callers: typing.Mapping[str, Caller], calls: int
) -> Sequence[Times]:
    """All methods on all services; the slowest, a key pair, less often."""
    found = []
    for method in ALL:
        report.say(f'castellan: {method}')
        count = max(1, calls // 5) if method == CREATE_KEY_PAIR else calls
        asked = {s: c for s, c in callers.items() if method in c.methods}
        took: dict[str, list[float]] = {service: [] for service in asked}
        for caller in asked.values():
            caller.milliseconds(method)
        # In turn, so that whatever else the machine does befalls all.
        for _ in range(count):
            for service, caller in asked.items():
                took[service].append(caller.milliseconds(method))
        found += [_times(service, method, took[service]) for service in took]
    return found


def _times(service: str, method: str, took: Sequence[float]) -> Times:
    # The largest but one in a hundred.
    last = sorted(took)[math.ceil(0.99 * len(took)) - 1]
    return Times(service, method, len(took), statistics.median(took), last)


def table(found: Sequence[Times], judged: str, floor: str) -> report.Table:
    """Every figure; the verdict is on create_key of the judged service.

    :param floor: the service that knows its answers
    """
    floors = {t.method: t for t in found if t.service == floor}
    cells = [_line(t, floors.get(t.method), judged) for t in found]
    head = ('method', 'service', 'calls', 'median ms', 'p99 ms')
    note = (
        f'{floor} is a service that knows its answers: what castellan takes'
        ' for itself, with its quarter of a second of sleep, and what Keystone'
        ' takes to issue a token and to confirm it. *above* is what a service'
        ' takes beside that.'
    )
    return report.Table(
        'castellan, one call at a time',
        (*head, 'median above', 'p99 above', 'target', 'verdict'),
        cells,
        note,
    )


def _line(times: Times, floor: Times | None, judged: str) -> tuple[str, ...]:
    above = ['', '']
    verdict = target = ''
    if floor and times is not floor:
        excess = times.p99 - floor.p99
        above = [
            report.number(times.median - floor.median),
            report.number(excess),
        ]
        if times.service == judged and times.method == CREATE_KEY:
            target = f'p99 above <= {ABOVE_FLOOR_MS:.0f}'
            verdict = 'met' if excess <= ABOVE_FLOOR_MS else 'NOT MET'
    return (
        times.method,
        times.service,
        str(times.calls),
        report.number(times.median),
        report.number(times.p99),
        *above,
        target,
        verdict,
    )
