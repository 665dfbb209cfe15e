# SPDX-License-Identifier: Apache-2.0
"""The tables of a run: figures, ratios, and targets met or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import typing

from benchmarks import measure, operations, resources
from benchmarks.measure import BARBICAN, CEILING, SECRETSTORE, Row
from benchmarks.report import Table, number

ORDER = (*operations.ALL, *resources.ALL)
TIMES_BARBICAN = (
    dict.fromkeys(operations.ALL, 20.0)
    | dict.fromkeys(resources.ALL, 10.0)
    | {operations.STORE: 10.0, operations.DELETE: 10.0}
)
SHARE_OF_CEILING = {operations.PAYLOAD: 0.55, operations.STORE: 0.5}
CPU_US = {operations.PAYLOAD: 500.0, operations.STORE: 1000.0}

Index = dict[tuple[str, str, int], Row]


def verdict(met: bool) -> str:
    return 'met' if met else 'NOT MET'


def figures(title: str, rows: Iterable[Row], note: str = '') -> Table:
    """What was measured, without judging it."""
    return Table(
        title,
        (
            'operation',
            'service',
            'connections',
            'req/s',
            'p50 ms',
            'p99 ms',
            'server us',
            'MariaDB us',
            'client us',
            'others',
            'requests',
            'errors',
        ),
        [_figures(row) for row in rows],
        note,
    )


def _figures(row: Row) -> Sequence[str]:
    operation = row.operation
    if row.label:
        operation = f'{operation}, {row.label}'
    return (
        operation,
        row.service,
        str(row.connections),
        number(row.rps),
        number(row.p50_ms),
        number(row.p99_ms),
        number(row.cpu_us),
        number(row.database_us),
        number(row.client_us),
        number(max(0.0, row.others_cpus)),
        str(row.requests),
        str(row.errors),
    )


class Comparison:
    """One variant of secretstore beside what it is compared with."""

    def __init__(self, rows: Iterable[Row], name: str = SECRETSTORE) -> None:
        self.name = name
        self._rows: Index = {
            (row.service, row.operation, row.connections): row for row in rows
        }

    def tables(self) -> list[Table]:
        made = [
            self.ratios(BARBICAN, TIMES_BARBICAN),
            self.ratios(CEILING, SHARE_OF_CEILING),
            self._cpu(),
            self._tail(),
        ]
        return [table for table in made if table.rows]

    def _pairs(
        self, other: str, wanted: Iterable[str]
    ) -> Iterable[tuple[Row, Row]]:
        for (service, operation, connections), row in self._rows.items():
            beside = self._rows.get((other, operation, connections))
            if service == self.name and beside and operation in wanted:
                yield row, beside

    def ratios(
        self, other: str, targets: typing.Mapping[str, float], note: str = ''
    ) -> Table:
        """Beside another; an operation whose target is 0 has no verdict."""
        cells = []
        for row, beside in self._pairs(other, targets):
            ratio = row.rps / beside.rps
            target = targets[row.operation]
            cells.append(
                (
                    row.operation,
                    str(row.connections),
                    number(row.rps),
                    number(beside.rps),
                    number(ratio),
                    f'>= {target:g}' if target else '',
                    verdict(ratio >= target) if target else '',
                    number(beside.cpu_us / row.cpu_us),
                )
            )
        head = (
            'operation',
            'connections',
            'req/s',
            other,
            'ratio',
            'target',
            'verdict',
            'CPU ratio',
        )
        return Table(f'{self.name} beside {other}', head, cells, note)

    def _cpu(self) -> Table:
        cells = []
        for (service, operation, connections), row in self._rows.items():
            if service == self.name and operation in CPU_US:
                target = CPU_US[operation]
                cells.append(
                    (
                        operation,
                        str(connections),
                        number(row.cpu_us),
                        f'<= {target:,.0f}',
                        verdict(row.cpu_us <= target),
                    )
                )
        head = ('operation', 'connections', 'server us', 'target', 'verdict')
        return Table(f'{self.name}: server CPU per request', head, cells)

    def _tail(self) -> Table:
        cells = []
        for row, beside in self._pairs(BARBICAN, ORDER):
            if row.connections != 16:
                continue
            alone = self._rows.get((BARBICAN, row.operation, 1), beside)
            cells.append(
                (
                    row.operation,
                    number(row.p99_ms),
                    number(beside.p50_ms),
                    number(alone.p50_ms),
                    verdict(row.p99_ms < beside.p50_ms),
                )
            )
        head = (
            'operation',
            'p99 ms',
            'Barbican p50 at 16',
            'Barbican p50 at 1',
            'verdict',
        )
        title = f'{self.name}: p99 at 16 connections below Barbican p50 at 16'
        return Table(title, head, cells)


def lists(rows: Sequence[Row], target: float = 1.5) -> Table:
    """Every list against the first page of the smallest project."""
    cells = []
    base: dict[int, Row] = {}
    for row in rows:
        first = base.setdefault(row.connections, row)
        cpu = _cost(row) / _cost(first)
        p50 = row.p50_ms / first.p50_ms
        cells.append(
            (
                f'{row.label}: {row.operation}',
                str(row.connections),
                number(row.cpu_us),
                number(row.database_us),
                number(row.p50_ms),
                number(cpu),
                number(p50),
                f'<= {target:g}',
                verdict(max(cpu, p50) <= target),
            )
        )
    head = (
        'list of 10 with total',
        'connections',
        'server us',
        'MariaDB us',
        'p50 ms',
        'CPU ratio',
        'p50 ratio',
        'target',
        'verdict',
    )
    note = 'Ratios to the first row; CPU is that of server and MariaDB.'
    return Table('Lists in small and large projects', head, cells, note)


def _cost(row: Row) -> float:
    return row.cpu_us + row.database_us


def summed(rows: Iterable[Row]) -> list[Row]:
    """Medians, sorted by operation so that services stand together."""
    return sorted(
        measure.medians(rows),
        key=lambda row: (ORDER.index(row.operation), row.connections),
    )
