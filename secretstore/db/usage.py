# SPDX-License-Identifier: Apache-2.0
"""How much a project has of each resource.

A count is spread over shards, so that writers of one project seldom wait
for each other; the project's count is their sum.
"""

from collections.abc import Mapping
import functools
import random
from typing import Literal

import sqlalchemy as sa

from secretstore.db import models
from secretstore.db.upsert import upsert

Resource = Literal['secrets', 'containers', 'orders', 'consumers']
RESOURCES: tuple[Resource, ...] = (
    'secrets',
    'containers',
    'orders',
    'consumers',
)
_SHARDS = 16

_usage = models.table(models.ProjectUsage)


def add(
    conn: sa.Connection,
    project_id: str,
    resource: Resource,
    delta: int,
    shard: int | None = None,
) -> None:
    """Count *delta* more; any shard will do unless one is named."""
    add_all(conn, project_id, {resource: delta}, shard)


def add_all(
    conn: sa.Connection,
    project_id: str,
    deltas: Mapping[Resource, int],
    shard: int | None = None,
) -> None:
    """Count several resources at once."""
    if shard is None:
        # A transaction that counts several resources does so in one shard:
        # two of them must not wait for each other in a circle.
        shard = conn.info.setdefault(
            'usage_shard',
            random.getrandbits(32) % _SHARDS,  # noqa: S311
        )
    values = {f'{name}_delta': delta for name, delta in deltas.items()}
    conn.execute(
        _statement(conn.dialect.name, tuple(deltas)),
        {'of_project': project_id, 'in_shard': shard, **values},
    )


@functools.cache
def _statement(dialect: str, resources: tuple[Resource, ...]) -> sa.Insert:
    deltas: dict[str, sa.BindParameter[int]] = {
        name: sa.bindparam(f'{name}_delta') for name in resources
    }
    return upsert(
        dialect,
        _usage,
        {
            'project_id': sa.bindparam('of_project'),
            'shard': sa.bindparam('in_shard'),
            **dict.fromkeys(RESOURCES, 0),
            **deltas,
        },
        {name: _usage.c[name] + delta for name, delta in deltas.items()},
    )


def stored(
    resource: Resource, project_id: sa.ColumnElement[str]
) -> sa.ScalarSelect[int]:
    """SQL for how many a project has, expired ones among them."""
    return (
        sa.select(sa.func.coalesce(sa.func.sum(_usage.c[resource]), 0))
        .where(_usage.c.project_id == project_id)
        .scalar_subquery()
    )
