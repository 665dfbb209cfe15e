# SPDX-License-Identifier: Apache-2.0
"""Measures bursts of load in interleaved rounds and sums them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
import dataclasses
from dataclasses import dataclass
import statistics
from typing import NamedTuple, Protocol, Self

from benchmarks import client, process, report

SECRETSTORE = 'secretstore'
BARBICAN = 'Barbican'
CEILING = 'ceiling'
CANNED = 'canned answers'


class Load(Protocol):
    """What a service is loaded with."""

    def run(
        self, operation: str, connections: int, seconds: float
    ) -> client.Result: ...


@dataclass(frozen=True)
class Subject:
    """A running service and the project it is measured with.

    :ivar conductors: the processes of it that are not below ``pid``
    :ivar broker: the message bus between these and ``pid``
    """

    name: str
    pid: int
    database_pid: int
    project: Load
    operations: Sequence[str]
    label: str = ''
    conductors: Sequence[int] = ()
    broker: int | None = None


@dataclass(frozen=True)
class Row:
    """One burst, or the median of several; raw figures.

    :ivar cpu_us: of the whole service, conductors included
    """

    scenario: str
    service: str
    label: str
    operation: str
    connections: int
    requests: int
    rps: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    database_us: float
    client_us: float
    others_cpus: float
    errors: int
    conductor_us: float = 0.0
    broker_us: float = 0.0

    @property
    def all_us(self) -> float:
        """Processor time of one request, wherever it was spent."""
        parts = self.cpu_us, self.database_us, self.broker_us, self.client_us
        return sum(parts)

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.service, self.label, self.operation, self.connections


_FIGURES = (
    'rps',
    'p50_ms',
    'p99_ms',
    'cpu_us',
    'database_us',
    'client_us',
    'others_cpus',
    'conductor_us',
    'broker_us',
)


class _Spent(NamedTuple):
    """Seconds of processor time, up to now or within a burst."""

    machine: float
    api: float
    conductors: float
    database: float
    broker: float

    @classmethod
    def by(cls, subject: Subject) -> Self:
        return cls(
            process.machine_cpu_seconds(),
            process.cpu_seconds(subject.pid),
            sum(map(process.cpu_seconds, subject.conductors)),
            process.cpu_seconds(subject.database_pid),
            process.cpu_seconds(subject.broker) if subject.broker else 0.0,
        )

    def since(self, before: Self) -> Self:
        pairs = zip(self, before, strict=True)
        return type(self)(*[late - early for late, early in pairs])


def burst(
    scenario: str,
    subject: Subject,
    operation: str,
    connections: int,
    seconds: float,
) -> Row:
    """Load the subject once and account for the CPU that took."""
    before = _Spent.by(subject)
    result = subject.project.run(operation, connections, seconds)
    spent = _Spent.by(subject).since(before)
    if not result.done:
        raise client.LoadError(f'{operation}: {dict(result.errors)}')
    others = spent.machine - sum(spent[1:]) - result.client_cpu
    each = 1e6 / result.done
    return Row(
        scenario,
        subject.name,
        subject.label,
        operation,
        connections,
        result.done,
        result.rps(),
        result.quantile(0.5) * 1e3,
        result.quantile(0.99) * 1e3,
        (spent.api + spent.conductors) * each,
        spent.database * each,
        result.client_cpu * each,
        others / result.wall,
        sum(result.errors.values()),
        spent.conductors * each,
        spent.broker * each,
    )


@dataclass(frozen=True)
class Plan:
    """How long and how often to measure."""

    connections: Sequence[int]
    rounds: int
    seconds: float


def warm_up(subjects: Iterable[Subject], seconds: float) -> None:
    """Let every process and thread open its connections and caches."""
    for subject in subjects:
        for operation in subject.operations:
            subject.project.run(operation, 16, seconds)


def _cells(
    plan: Plan, subjects: Sequence[Subject]
) -> Iterator[tuple[int, str, Subject]]:
    every = [name for subject in subjects for name in subject.operations]
    for connections in plan.connections:
        for operation in dict.fromkeys(every):
            for subject in subjects:
                if operation in subject.operations:
                    yield connections, operation, subject


def rounds(
    scenario: str, plan: Plan, subjects: Sequence[Subject]
) -> list[Row]:
    """Measure all subjects in turn, every round in another order."""
    rows = []
    for number in range(plan.rounds):
        report.say(f'{scenario}: round {number + 1} of {plan.rounds}')
        order = [*subjects[number % len(subjects) :]]
        order += subjects[: number % len(subjects)]
        for connections, operation, subject in _cells(plan, order):
            row = burst(
                scenario, subject, operation, connections, plan.seconds
            )
            if row.errors:
                report.say(f'{row.service} {operation}: {row.errors} errors')
            rows.append(row)
    return rows


def medians(rows: Iterable[Row]) -> list[Row]:
    """One row per service, operation and connections, in first-seen order.

    Requests and errors are sums.
    """
    groups: dict[tuple[str, str, str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.key, []).append(row)
    return [_median(group) for group in groups.values()]


def _median(group: Sequence[Row]) -> Row:
    figures = {
        name: statistics.median(getattr(row, name) for row in group)
        for name in _FIGURES
    }
    return dataclasses.replace(
        group[0],
        requests=sum(row.requests for row in group),
        errors=sum(row.errors for row in group),
        **figures,
    )


def check(rows: Iterable[Row]) -> None:
    """Refuse figures of a run in which more than 1 % went wrong."""
    for row in rows:
        if row.errors * 100 > row.requests:
            raise client.LoadError(f'too many errors: {row}')
