# SPDX-License-Identifier: Apache-2.0
"""Projects with many secrets: through the API, or by copying rows."""

from __future__ import annotations

import itertools
import json
import typing

from benchmarks import client, wire

FILL_CONNECTIONS = 16
FILL_SECONDS = 900.0
# Rows in one transaction, so that none grows to a gigabyte.
CHUNK = 10_000


class Sql(typing.Protocol):
    """Runs statements in one session; returns tab separated rows."""

    def __call__(self, statements: str, database: str = '') -> str: ...


def secret_id(body: bytes) -> str:
    """The id in the answer to a store."""
    ref: str = json.loads(body)['secret_ref']
    return ref.rsplit('/', 1)[1]


def total(target: wire.Target) -> int:
    """How many secrets the project lists."""
    body = client.ask(target, target.get('/v1/secrets?limit=1'), 200)
    return int(json.loads(body)['total'])


def by_api(target: wire.Target, count: int, size: int = 32) -> list[str]:
    """Store that many secrets; their ids."""
    if count < 1:
        return []
    requests = itertools.repeat(target.store(size), count)
    result = client.drive(
        target,
        min(FILL_CONNECTIONS, count),
        FILL_SECONDS,
        requests,
        201,
        keep_bodies=True,
    )
    if result.done != count:
        raise client.LoadError(
            f'stored {result.done} of {count}: {dict(result.errors)}'
        )
    return [secret_id(body) for body in result.bodies]


# A version 4 UUID, made by MariaDB: the services refuse all others.
_UUID = """LOWER(CONCAT_WS('-', HEX(RANDOM_BYTES(4)), HEX(RANDOM_BYTES(2)),
 CONCAT('4', SUBSTR(HEX(RANDOM_BYTES(2)), 2)),
 CONCAT('a', SUBSTR(HEX(RANDOM_BYTES(2)), 2)), HEX(RANDOM_BYTES(6))))"""

_CHILDREN = """SELECT DISTINCT table_name, column_name
 FROM information_schema.key_column_usage
 WHERE table_schema = '{database}'
 AND referenced_table_name = 'secrets' AND referenced_column_name = 'id'"""

_COLUMNS = """SELECT column_name FROM information_schema.columns
 WHERE table_schema = '{database}' AND table_name = '{table}'
 AND extra NOT LIKE '%auto_increment%'"""


def by_copying(
    sql: Sql, database: str, template: str, count: int, counter: str = ''
) -> None:
    """Copy one secret's rows, under new ids, that many times.

    For reads of metadata only: an envelope that is bound to its secret does
    not open under another id. Each copy is 10 ms older than the one before.
    ``counter`` is the statement that counts the copies, where the service
    keeps a count; it may use {template} and {count}.
    """
    tables = {'secrets': 'id'}
    for line in sql(_CHILDREN.format(database=database)).splitlines():
        table, column = line.split('\t')
        tables[table] = column
    copies = []
    for table, column in tables.items():
        query = _COLUMNS.format(database=database, table=table)
        copies.append(_copy(table, column, sql(query).split(), template))
    for done in range(0, count, CHUNK):
        last = min(done + CHUNK, count)
        ids = (
            'CREATE TEMPORARY TABLE benchmark_ids (id CHAR(36), seq INT)'
            f' AS SELECT {_UUID} AS id, seq FROM seq_{done + 1}_to_{last}'
        )
        sql(';\n'.join([ids, *copies]), database)
    after = [f'ANALYZE TABLE {table}' for table in tables]
    if counter:
        after.append(counter.format(template=template, count=count))
    sql(';\n'.join(after), database)


def _copy(table: str, parent: str, columns: list[str], template: str) -> str:
    values = {name: f't.`{name}`' for name in columns}
    if 'id' in values:
        values['id'] = _UUID
    if 'created_at' in values:
        values['created_at'] = (
            't.created_at - INTERVAL 10000 * m.seq MICROSECOND'
        )
    values[parent] = 'm.id'
    into = ', '.join(f'`{name}`' for name in values)
    return (
        f'INSERT INTO `{table}` ({into}) SELECT {", ".join(values.values())}'
        f' FROM `{table}` t JOIN benchmark_ids m'
        f" WHERE t.`{parent}` = '{template}'"
    )
