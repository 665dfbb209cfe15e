# SPDX-License-Identifier: Apache-2.0
"""The scenarios of a run, in the order in which they disturb least."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import dataclasses
from dataclasses import dataclass, field
import datetime
import json
import os
import platform

from benchmarks import (
    lists,
    measure,
    memory,
    report,
    resource_run,
    rows,
    split,
    stack,
    summary,
)
from benchmarks.measure import Row, Subject

BESIDE = 'beside'
LISTS = 'lists'
MEMORY = 'memory'
RESOURCES = 'resources'
SCENARIOS = (
    MEMORY,
    BESIDE,
    RESOURCES,
    LISTS,
    split.SCENARIO,
    rows.SCENARIO,
)
SERVICES = (measure.SECRETSTORE, measure.BARBICAN, measure.CEILING)
BUSY_CPUS = 0.3


@dataclass(frozen=True)
class Options:
    """What to run, and how much of it."""

    scenarios: Sequence[str] = SCENARIOS
    services: Sequence[str] = SERVICES
    pymysql: bool = False
    plan: measure.Plan = measure.Plan((1, 4, 16), 3, 2.0)
    secrets: int = 10_000
    large: int = 100_000
    memory_requests: int = 100_000
    castellan_calls: int = 100
    split_connections: Sequence[int] = (1, 16)
    largest: int = 1_000_000


@dataclass
class Outcome:
    """What a run measured: raw rows for machines, tables for people."""

    options: Options
    began: datetime.datetime = field(
        default_factory=lambda: datetime.datetime.now(datetime.UTC)
    )
    rows: list[Row] = field(default_factory=list)
    samples: list[memory.Sample] = field(default_factory=list)
    tables: list[report.Table] = field(default_factory=list)
    failure: str = ''

    def json(self) -> str:
        return json.dumps(
            {
                'began': self.began.isoformat(timespec='seconds'),
                'machine': machine(),
                'failure': self.failure,
                'options': dataclasses.asdict(self.options),
                'rows': [dataclasses.asdict(row) for row in self.rows],
                'memory': [dataclasses.asdict(s) for s in self.samples],
            },
            indent=1,
        )

    def text(self) -> str:
        plan = self.options.plan
        intro = (
            f'Measured on {self.began:%Y-%m-%d} with ``{self._command()}`` on'
            f' {machine()}: median of {plan.rounds} interleaved rounds of'
            f' {plan.seconds:g} s each. Load client, services and MariaDB'
            ' share the machine, so read the ratios.'
        )
        if self.failure:
            intro += f' **The run ended early: {self.failure}**'
        if disturbed := self.disturbed():
            intro += (
                f' **Something else took more than {BUSY_CPUS} CPUs during'
                f' {len(disturbed)} of the {len(measure.medians(self.rows))}'
                f' figures, which show nothing: {"; ".join(disturbed)}.**'
            )
        return report.document('Benchmark results', intro, self.tables)

    def _command(self) -> str:
        chosen = self.options.scenarios
        if set(chosen) == set(SCENARIOS):
            return 'make bench'
        return f'make bench BENCH="--scenarios {",".join(chosen)}"'

    def disturbed(self) -> list[str]:
        """Figures during which other programs, or the host, took CPU."""
        return [
            f'{row.operation}, {row.service}, {row.connections} connections'
            for row in measure.medians(self.rows)
            if row.others_cpus > BUSY_CPUS
        ]


def machine() -> str:
    return (
        f'{os.cpu_count()} CPUs, {platform.system()} {platform.release()},'
        f' Python {platform.python_version()}'
    )


def run(outcome: Outcome) -> None:
    """Start the servers, measure into ``outcome``, stop them.

    Raises LoadError when a service gives wrong answers; what was measured
    until then stays in the outcome.
    """
    options = outcome.options
    with stack.Stack() as servers:
        if MEMORY in options.scenarios:
            _memory(servers, outcome)
        if BESIDE in options.scenarios:
            _beside(servers, outcome)
        if RESOURCES in options.scenarios:
            _resources(servers, outcome)
        if LISTS in options.scenarios:
            _lists(servers, outcome)
        if split.SCENARIO in options.scenarios:
            _split(servers, outcome)
        if rows.SCENARIO in options.scenarios:
            _rows(servers, outcome)


def _memory(servers: stack.Stack, outcome: Outcome) -> None:
    report.say('memory: filling and reading')
    with servers.secretstore() as server:
        project = servers.project(server, 'bench-memory')
        outcome.samples = memory.watch(
            server.pid, project, outcome.options.memory_requests
        )
    outcome.tables.append(memory.table(outcome.samples))


def _subjects(servers: stack.Stack, options: Options) -> list[Subject]:
    made = []
    if measure.SECRETSTORE in options.services:
        report.say(f'filling secretstore with {options.secrets} secrets')
        made.append(servers.subject(options.secrets))
        if options.pymysql:
            made.append(servers.subject(options.secrets, 'pymysql'))
    if measure.BARBICAN in options.services:
        report.say(f'filling Barbican with {options.secrets} secrets')
        made.append(servers.barbican(options.secrets))
    if measure.CEILING in options.services:
        made.append(servers.ceiling())
    return made


def _beside(servers: stack.Stack, outcome: Outcome) -> None:
    options = outcome.options
    subjects = _subjects(servers, options)
    measure.warm_up(subjects, options.plan.seconds / 4)
    found = measure.rounds(BESIDE, options.plan, subjects)
    outcome.rows += found
    measure.check(found)
    medians = summary.summed(found)
    for name in (measure.SECRETSTORE, f'{measure.SECRETSTORE}-pymysql'):
        outcome.tables += summary.Comparison(medians, name).tables()
    outcome.tables.append(summary.figures('All figures', medians))


def _resources(servers: stack.Stack, outcome: Outcome) -> None:
    options = outcome.options
    found, tables = resource_run.measure_all(
        servers,
        options.services,
        options.plan,
        options.castellan_calls,
    )
    outcome.rows += found
    outcome.tables += tables


def _lists(servers: stack.Stack, outcome: Outcome) -> None:
    options = outcome.options
    found = lists.measure_all(servers, options.plan, options.large)
    outcome.rows += found
    measure.check(found)
    medians = measure.medians(found)
    outcome.tables.append(summary.lists(medians))


def _split(servers: stack.Stack, outcome: Outcome) -> None:
    options = outcome.options
    plan = dataclasses.replace(
        options.plan, connections=options.split_connections
    )
    parts = split.measure_all(servers, options.services, plan)
    with contextlib.closing(parts):
        for found, tables in parts:
            outcome.rows += found
            outcome.tables += tables
            measure.check(found)


def _rows(servers: stack.Stack, outcome: Outcome) -> None:
    options = outcome.options
    found = rows.measure_all(servers, options.plan, options.largest)
    outcome.rows += found
    measure.check(found)
    outcome.tables.append(rows.table(found))
