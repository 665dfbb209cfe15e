# SPDX-License-Identifier: Apache-2.0
"""The scenario of the split form: over HTTP, over RabbitMQ, and its scale."""

from __future__ import annotations

from collections.abc import Generator, Sequence
import dataclasses

from benchmarks import (
    conductors,
    measure,
    operations,
    report,
    split_stack,
    split_summary,
    stack,
)
from secretstore.tests.functional.services.split import Split

SCENARIO = 'split'
# API processes and conductors.
SHAPES = ((1, 1), (1, 2), (2, 1), (2, 2))
# Of each conductor, when there is no API in front.
CALLERS = 4

_Found = tuple[list[measure.Row], list[report.Table]]


def measure_all(
    servers: stack.Stack, services: Sequence[str], plan: measure.Plan
) -> Generator[_Found, None, None]:
    """The rows of each part, and the tables made of them."""
    if max(plan.connections) > split_stack.MOST_CONNECTIONS:
        raise ValueError(f'more than {split_stack.MOST_CONNECTIONS} threads')
    with split_stack.Servers(servers) as started:
        scenario = _Scenario(started, services, plan)
        yield scenario.http()
        yield scenario.shapes()
        yield scenario.conductors()
        yield scenario.rabbitmq()


class _Scenario:
    """Its parts, in order; each uses what those before have started."""

    def __init__(
        self,
        started: split_stack.Servers,
        services: Sequence[str],
        plan: measure.Plan,
    ) -> None:
        self._started = started
        self._services = services
        self._plan = plan
        self._barbican: list[measure.Subject] = []
        report.say('split: starting the split form over HTTP')
        self._split = started.split()

    def _rounds(
        self, part: str, plan: measure.Plan, subjects: list[measure.Subject]
    ) -> list[measure.Row]:
        measure.warm_up(subjects, plan.seconds / 4)
        return measure.rounds(f'{SCENARIO}, {part}', plan, subjects)

    def http(self) -> _Found:
        report.say('split: starting what is beside it')
        subjects = [self._started.embedded(), self._subject(self._split)]
        if measure.CEILING in self._services:
            subjects.append(self._started.ceiling())
        if measure.BARBICAN in self._services:
            self._barbican = [self._started.barbican()]
        subjects += self._barbican
        rows = self._rounds('HTTP', self._plan, subjects)
        return rows, split_summary.over_http(rows)

    def _subject(
        self, split: Split, bus: split_stack.Bus | None = None
    ) -> measure.Subject:
        name = split_stack.SPLIT_RABBIT if bus else split_stack.SPLIT_HTTP
        return self._started.subject(name, split.api, split.conductors, bus)

    def shapes(self) -> _Found:
        """Throughput by the number of processes."""
        subjects = []
        for processes, count in SHAPES:
            some = self._split.conductors[:count]
            server = self._started.api(self._split, processes, some)
            subject = self._started.subject(
                split_summary.shape(processes, count),
                server,
                self._split.conductors,
            )
            subjects.append(
                dataclasses.replace(subject, operations=(operations.PAYLOAD,))
            )
        most = (split_stack.MOST_CONNECTIONS,)
        plan = dataclasses.replace(self._plan, connections=most)
        rows = self._rounds('processes', plan, subjects)
        return rows, [split_summary.shapes(rows)]

    def conductors(self) -> _Found:
        """What a second conductor adds, when nothing stands before it."""
        subjects = []
        for count in (1, 2):
            some = self._split.conductors[:count]
            load = conductors.Direct(
                some[0].config_file, [each.endpoint for each in some]
            )
            subject = measure.Subject(
                split_summary.alone(count),
                self._split.api.pid,
                self._started.database_pid,
                load,
                conductors.QUICK,
                conductors=[each.pid for each in self._split.conductors],
            )
            subjects.append(subject)
        plan = dataclasses.replace(self._plan, connections=(CALLERS,))
        rows = self._rounds('conductors', plan, subjects)
        # Some key pairs take many times as long as others.
        plan = dataclasses.replace(
            plan, connections=(1,), seconds=plan.seconds * 4
        )
        subjects = [
            dataclasses.replace(subject, operations=(conductors.PAIR,))
            for subject in subjects
        ]
        rows += measure.rounds(f'{SCENARIO}, key pairs', plan, subjects)
        return rows, [split_summary.alone_table(rows)]

    def rabbitmq(self) -> _Found:
        report.say('split: starting RabbitMQ, and what uses it')
        bus = self._started.bus()
        subjects = [self._subject(self._started.split(bus), bus)]
        if measure.CEILING in self._services:
            subjects.append(self._started.ceiling(bus))
        rows = self._rounds(
            'RabbitMQ', self._plan, [*subjects, *self._barbican]
        )
        return rows, split_summary.over_rabbitmq(rows)
