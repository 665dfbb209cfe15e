# SPDX-License-Identifier: Apache-2.0
"""What a request costs as secrets grow, each size in a database of its own.

All secrets of a database are in one project, where lists and their totals
would suffer most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import contextlib
import dataclasses

from benchmarks import client, measure, operations, report, stack
from benchmarks.report import Table, number

SCENARIO = 'rows'
SMALLEST = 1_000
STEP = 10
CONNECTIONS = (4,)
# So that stores, which the deletes after them undo, do not make another size.
MOST_STORED = 500
OPERATIONS = (
    operations.METADATA,
    operations.PAYLOAD,
    operations.LIST,
    operations.STORE,
    operations.DELETE,
)


class _Steady:
    """A project that stays about as large as it is."""

    def __init__(self, project: operations.Project) -> None:
        self._project = project

    def run(
        self, operation: str, connections: int, seconds: float
    ) -> client.Result:
        limit = MOST_STORED if operation == operations.STORE else None
        return self._project.run(operation, connections, seconds, limit)


def measure_all(
    servers: stack.Stack, plan: measure.Plan, largest: int
) -> list[measure.Row]:
    """Rows of every operation in every size, the smallest first."""
    plan = dataclasses.replace(plan, connections=CONNECTIONS)
    with contextlib.ExitStack() as started:
        subjects = []
        for secrets in _sizes(largest):
            server = servers.secretstore(database=f'rows_{secrets}')
            started.enter_context(server)
            subjects.append(_subject(servers, server, secrets))
        measure.warm_up(subjects, plan.seconds / 4)
        return measure.rounds(SCENARIO, plan, subjects)


def _sizes(largest: int) -> Sequence[int]:
    sizes = [SMALLEST]
    while sizes[-1] * STEP <= largest:
        sizes.append(sizes[-1] * STEP)
    return sizes


def _subject(
    servers: stack.Stack, server: stack.SecretStore, secrets: int
) -> measure.Subject:
    report.say(f'{SCENARIO}: making {secrets:,} secrets')
    project = servers.project(server, f'bench-{SCENARIO}')
    servers.fill_large(server, project, secrets, SMALLEST)
    return measure.Subject(
        measure.SECRETSTORE,
        server.pid,
        servers.database.pid,
        _Steady(project),
        OPERATIONS,
        f'{secrets:,} secrets',
    )


def table(rows: Iterable[measure.Row]) -> Table:
    """Each operation in each size beside the smallest."""
    medians = measure.medians(rows)
    medians.sort(key=lambda row: OPERATIONS.index(row.operation))
    base: dict[str, measure.Row] = {}
    cells = []
    for row in medians:
        first = base.setdefault(row.operation, row)
        cost, least = (r.cpu_us + r.database_us for r in (row, first))
        cells.append(
            (
                f'{row.operation}, {row.label}',
                str(row.connections),
                number(row.rps),
                number(row.p50_ms),
                number(row.cpu_us),
                number(row.database_us),
                number(cost / least),
                str(row.requests),
                str(row.errors),
            )
        )
    head = (
        'operation',
        'connections',
        'req/s',
        'p50 ms',
        'server us',
        'MariaDB us',
        'CPU ratio',
        'requests',
        'errors',
    )
    note = (
        'The embedded form. All secrets of a database are in one project;'
        f' reads use {SMALLEST:,} of them, which lie everywhere among the'
        ' others. Ratios are those of server and MariaDB together to the'
        ' smallest database.'
    )
    return Table('Cost per request as secrets grow', head, cells, note)
