# SPDX-License-Identifier: Apache-2.0
"""The tables of the split form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import os

from benchmarks import conductors, measure, operations, summary
from benchmarks.measure import BARBICAN, Row
from benchmarks.report import Table, number
from benchmarks.split_stack import (
    CEILING_HTTP,
    ECHO_RABBIT,
    EMBEDDED,
    SPLIT_HTTP,
    SPLIT_RABBIT,
)

SHARE_OF_CEILING = {operations.PAYLOAD: 0.45, operations.STORE: 0.4}
SHARE_OF_ECHO = {operations.PAYLOAD: 0.75, operations.STORE: 0.75}
SHARE_OF_EMBEDDED = {operations.PAYLOAD: 0.5, operations.STORE: 0.0}
TIMES_BARBICAN = {operations.PAYLOAD: 10.0, operations.STORE: 0.0}
TIMES_BARBICAN_BY_BUS = {operations.PAYLOAD: 2.0, operations.STORE: 2.0}
TIMES_ONE = 1.7
_STRETCH = (
    'The ceiling has the same hop, and as many processes. Beyond the targets,'
    ' 0.55 for a payload read and 0.45 for a store are hoped for.'
)
_ECHO = (
    'The echo is one bare call of oslo.messaging for each request, to as many'
    ' processes, which answer at once; it has no database.'
)


def over_http(rows: Iterable[Row]) -> list[Table]:
    medians = summary.summed(rows)
    beside = summary.Comparison(medians, SPLIT_HTTP)
    made = [
        beside.ratios(CEILING_HTTP, SHARE_OF_CEILING, _STRETCH),
        beside.ratios(EMBEDDED, SHARE_OF_EMBEDDED),
        beside.ratios(BARBICAN, TIMES_BARBICAN),
    ]
    return [
        *[table for table in made if table.rows],
        _cpu('Over HTTP: CPU per request', medians),
        summary.figures('Over HTTP: all figures', medians),
    ]


def over_rabbitmq(rows: Iterable[Row]) -> list[Table]:
    medians = summary.summed(rows)
    beside = summary.Comparison(medians, SPLIT_RABBIT)
    made = [
        beside.ratios(ECHO_RABBIT, SHARE_OF_ECHO, _ECHO),
        beside.ratios(BARBICAN, TIMES_BARBICAN_BY_BUS),
    ]
    return [
        *[table for table in made if table.rows],
        _cpu('Over RabbitMQ: CPU per request', medians),
        summary.figures('Over RabbitMQ: all figures', medians),
    ]


# The columns of _parts().
_PARTS = (
    'API us',
    'conductor us',
    'RabbitMQ us',
    'MariaDB us',
    'client us',
    'all us',
    'CPUs',
)


def _cpu(title: str, rows: Iterable[Row]) -> Table:
    """Where the time of a request goes, in microseconds."""
    head = (
        'operation',
        'service',
        'connections',
        *_PARTS,
    )
    cells = [
        (row.operation, row.service, str(row.connections), *_parts(row))
        for row in rows
    ]
    return Table(title, head, cells)


def _parts(row: Row) -> Sequence[str]:
    parts = (
        row.cpu_us - row.conductor_us,
        row.conductor_us,
        row.broker_us,
        row.database_us,
        row.client_us,
        row.all_us,
    )
    return [*[number(max(0.0, part)) for part in parts], number(_cpus(row))]


def _cpus(row: Row) -> float:
    """How many processors were busy with the requests."""
    return row.rps * row.all_us / 1e6


def shape(processes: int, count: int) -> str:
    return f'{processes} API, {count} conductor{"s" if count > 1 else ""}'


def shapes(rows: Iterable[Row]) -> Table:
    """Throughput by the number of processes, the first row being 1."""
    medians = measure.medians(rows)
    cells = [
        (
            row.service,
            str(row.connections),
            number(row.rps),
            number(row.rps / medians[0].rps),
            *_parts(row),
        )
        for row in medians
    ]
    head = (
        'processes',
        'connections',
        'req/s',
        'ratio',
        *_PARTS,
    )
    note = (
        f'{operations.PAYLOAD}, with 16 threads of uWSGI in all. Ratios to'
        ' the first row; CPUs is how many were busy, the load client among'
        f' them, of {os.cpu_count()}.'
    )
    return Table('API processes and conductors', head, cells, note)


def alone(count: int) -> str:
    return 'one conductor' if count == 1 else 'two conductors'


def alone_table(rows: Iterable[Row]) -> Table:
    """Two conductors beside one, and what the processors allow."""
    found = {
        (row.service, row.operation): row for row in measure.medians(rows)
    }
    cells = [
        _beside_one(found[alone(1), operation], found[alone(2), operation])
        for operation in conductors.ALL
    ]
    head = (
        'call',
        'callers of each',
        'one: calls/s',
        'two: calls/s',
        'ratio',
        'target',
        'verdict',
        'CPUs allow',
        'one: CPUs',
        'two: CPUs',
        'conductor us',
        'MariaDB us',
        'caller us',
    )
    note = (
        'Calls through the RPC client, without an API in front; a conductor'
        ' makes one key pair at a time. CPUs is how many were busy, with the'
        ' callers and MariaDB: *CPUs allow* divides all'
        f' {os.cpu_count()} of them by those that were busy with one'
        ' conductor.'
    )
    return Table('Two conductors beside one', head, cells, note)


def _beside_one(one: Row, two: Row) -> Sequence[str]:
    ratio = two.rps / one.rps
    allowed = (os.cpu_count() or 1) / _cpus(one)
    return (
        one.operation,
        str(one.connections),
        number(one.rps),
        number(two.rps),
        number(ratio),
        f'>= {TIMES_ONE:g}',
        _verdict(ratio, allowed),
        number(allowed),
        number(_cpus(one)),
        number(_cpus(two)),
        number(two.conductor_us),
        number(two.database_us),
        number(two.client_us),
    )


def _verdict(ratio: float, allowed: float) -> str:
    if ratio < TIMES_ONE and allowed < TIMES_ONE:
        return 'too few CPUs'
    return summary.verdict(ratio >= TIMES_ONE)
