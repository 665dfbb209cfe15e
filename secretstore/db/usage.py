# SPDX-License-Identifier: Apache-2.0
"""How much a project has of each resource.

A count is spread over shards, so that writers of one project seldom wait
for each other; the project's count is their sum.
"""

from collections.abc import Mapping, Sequence
import functools
import random
from typing import Any, Literal

import sqlalchemy as sa

from secretstore.db import models
from secretstore.db.upsert import adding, upsert

Resource = Literal['secrets', 'containers', 'orders', 'consumers']
RESOURCES: tuple[Resource, ...] = (
    'secrets',
    'containers',
    'orders',
    'consumers',
)
_SHARDS = 16
# Whoever is limited counts here, and only one can at a time: what is added
# elsewhere meanwhile is of projects without a limit, and what is taken away
# elsewhere only makes room.
GATE = 0
# SQLite takes no more than some thousand parameters.
_AT_ONCE = 1000
# Where what is removed of several projects at once is counted, which keeps
# a row of each until the transaction ends.  Nobody who counts for one
# project comes here; of two kinds that are removed together, each has its
# own, lest two who do so wait for each other in a circle.
_REMOVED: dict[Resource, int] = {
    resource: _SHARDS + number for number, resource in enumerate(RESOURCES)
}

_usage = models.table(models.ProjectUsage)


def add(
    conn: sa.Connection,
    project_id: str,
    resource: Resource,
    delta: int,
    shard: int | None = None,
) -> None:
    """Count *delta* more; any shard but GATE will do unless one is named."""
    add_all(conn, project_id, {resource: delta}, shard)


def add_all(
    conn: sa.Connection,
    project_id: str,
    deltas: Mapping[Resource, int],
    shard: int | None = None,
) -> None:
    """Count several resources at once."""
    conn.execute(
        _statement(conn.dialect.name, tuple(deltas)),
        parameters(conn, project_id, deltas, shard),
    )


def removed(
    conn: sa.Connection, resource: Resource, counts: Mapping[str, int]
) -> None:
    """Count so many less of each project, with one statement for many."""
    nothing = dict.fromkeys(RESOURCES, 0)
    rows = [
        {
            'project_id': project_id,
            'shard': _REMOVED[resource],
            **nothing,
            resource: -count,
        }
        # All in the same order, lest two wait for each other in a circle.
        for project_id, count in sorted(counts.items())
    ]
    for begin in range(0, len(rows), _AT_ONCE):
        some = rows[begin : begin + _AT_ONCE]
        conn.execute(adding(conn.dialect.name, _usage, some, resource))


def parameters(
    conn: sa.Connection,
    project_id: str,
    deltas: Mapping[Resource, int],
    shard: int | None = None,
) -> dict[str, Any]:
    """What statement() needs."""
    if shard is None:
        # A transaction that counts several resources does so in one shard:
        # two of them must not wait for each other in a circle.
        shard = conn.info.setdefault(
            'usage_shard',
            random.randrange(GATE + 1, _SHARDS),  # noqa: S311
        )
    values = {f'{name}_delta': delta for name, delta in deltas.items()}
    return {'of_project': project_id, 'in_shard': shard, **values}


def statement(
    dialect: str,
    resources: Sequence[Resource],
    where: sa.ColumnElement[bool] | None = None,
) -> sa.Insert:
    """SQL that counts these, or nothing unless *where* is so."""
    deltas: dict[str, sa.BindParameter[int]] = {
        name: sa.bindparam(f'{name}_delta', type_=sa.BigInteger)
        for name in resources
    }
    return upsert(
        dialect,
        _usage,
        {
            'project_id': sa.bindparam('of_project', type_=sa.String),
            'shard': sa.bindparam('in_shard', type_=sa.SmallInteger),
            **dict.fromkeys(RESOURCES, sa.literal_column('0')),
            **deltas,
        },
        {name: _usage.c[name] + delta for name, delta in deltas.items()},
        where,
    )


_statement = functools.cache(statement)


def stored(
    resource: Resource, project_id: sa.ColumnElement[str]
) -> sa.ScalarSelect[int]:
    """SQL for how many a project has, expired ones among them."""
    return (
        sa.select(sa.func.coalesce(sa.func.sum(_usage.c[resource]), 0))
        .where(_usage.c.project_id == project_id)
        .scalar_subquery()
    )


def elsewhere(
    resource: Resource, project_id: sa.ColumnElement[str]
) -> sa.ScalarSelect[int]:
    """SQL for how many are counted in other shards than GATE."""
    others = _usage.alias('others')
    # MySQL reads what it changes only in a table of its own.
    count = (
        sa.select(sa.func.coalesce(sa.func.sum(others.c[resource]), 0))
        .where(others.c.project_id == project_id, others.c.shard != GATE)
        .subquery(f'{resource}_elsewhere')
    )
    return sa.select(*count.c).scalar_subquery()
