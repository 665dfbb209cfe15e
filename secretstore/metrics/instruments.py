# SPDX-License-Identifier: Apache-2.0
"""Every metric of the service: its name, its labels, what it means."""

from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

M = TypeVar('M', bound=MetricWrapperBase)

# Combinations of labels of one metric; what is beyond is counted as OTHER.
MOST_SERIES = 1000
OTHER = 'other'

_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30
)  # fmt: skip


class Series(Generic[M]):
    """One metric with labels; each combination is found in a dictionary.

    Whatever somebody passes, there are never more than MOST_SERIES: each of
    them costs memory here, and in Prometheus for as long as it remembers.
    """

    def __init__(self, metric: M, labels: int) -> None:
        self._metric = metric
        self._other = (OTHER,) * labels
        self._children: dict[tuple[str, ...], M] = {}

    def of(self, *values: str) -> M:
        child = self._children.get(values)
        return self._new(values) if child is None else child

    def _new(self, values: tuple[str, ...]) -> M:
        if len(self._children) >= MOST_SERIES:
            values = self._other
        child = self._metric.labels(*values)
        # Two threads at once are given the same child.
        self._children[values] = child
        return child


Timing = Series[Histogram]


class Instruments:
    """The metrics of one process, where its values are kept.

    Made once that is decided: see :mod:`secretstore.metrics.start`.
    """

    def __init__(self) -> None:
        self.requests = _timing(
            'http_request',
            'Requests to the REST API, until the answer is ready',
            'method', 'route', 'status',
        )  # fmt: skip
        self.strategy_calls = _timing(
            'strategy_call', 'Calls of security strategies',
            'strategy', 'operation', 'outcome',
        )  # fmt: skip
        self.key_lookups = _counter(
            'key_cache_lookups', 'Questions to the cache of project keys',
            'result',
        )  # fmt: skip
        self.database_retries = _counter(
            'database_retries',
            'Operations on the database that were tried again', 'cause',
        )  # fmt: skip
        self.database_failures = Counter(
            'secretstore_database_failures',
            'Operations on the database that were given up',
            registry=None,
        )
        self._make_rpc()
        self._make_gauges()
        self._begin_at_zero()

    def _make_rpc(self) -> None:
        self.rpc_client_calls = _timing(
            'rpc_client', 'Calls of a conductor, as seen by who calls',
            'method', 'outcome',
        )  # fmt: skip
        self.rpc_server_calls = _timing(
            'rpc_server', 'Calls that a conductor executed',
            'method', 'outcome',
        )  # fmt: skip
        self.rpc_refusals = _counter(
            'rpc_refusals', 'RPC messages that were refused',
            'cause',
        )  # fmt: skip
        self.rpc_waits = Histogram(
            'secretstore_rpc_server_wait_seconds',
            'How long requests waited that were not executed at once',
            registry=None,
            buckets=_SECONDS,
        )
        self.rpc_turned_away = _counter(
            'rpc_turned_away',
            'Requests that a conductor had no room for', 'cause',
        )  # fmt: skip

    def _make_gauges(self) -> None:
        self.orders = Series(
            _gauge('orders', 'Orders in the database, at most 10000', 'state'),
            1,
        )
        self.oldest_order = _gauge(
            'orders_oldest_pending_age_seconds',
            'Age of the oldest order that is PENDING, 0 when none is',
        )
        self.orders_counted = _gauge(
            'orders_counted_timestamp_seconds',
            'When the orders in the database were counted last',
        )

    def _begin_at_zero(self) -> None:
        """Show what has not happened yet, so that its first time shows."""
        for result in ('hit', 'miss'):
            self.key_lookups.of(result)
        for cause in ('connection', 'deadlock'):
            self.database_retries.of(cause)
        for cause in ('full', 'waited'):
            self.rpc_turned_away.of(cause)


def _timing(name: str, text: str, *labels: str) -> Timing:
    metric = Histogram(
        f'secretstore_{name}_duration_seconds',
        text,
        labels,
        registry=None,
        buckets=_SECONDS,
    )
    return Series(metric, len(labels))


def _counter(name: str, text: str, *labels: str) -> Series[Counter]:
    metric = Counter(f'secretstore_{name}', text, labels, registry=None)
    return Series(metric, len(labels))


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(
        f'secretstore_{name}',
        text,
        labels,
        registry=None,
        # All processes say the same of what they share.
        multiprocess_mode='mostrecent',
    )
