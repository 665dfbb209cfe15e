# SPDX-License-Identifier: Apache-2.0
"""How much a project has of each resource.

A count is spread over shards, so that writers of one project seldom wait
for each other; the project's count is their sum.
"""

import functools
import random
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from secretstore.db import models

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
    if shard is None:
        shard = random.getrandbits(32) % _SHARDS  # noqa: S311
    conn.execute(
        _statement(conn.dialect.name, resource),
        {'of_project': project_id, 'in_shard': shard, 'delta': delta},
    )


@functools.cache
def _statement(dialect: str, resource: Resource) -> sa.Insert:
    delta: sa.BindParameter[int] = sa.bindparam('delta')
    values: dict[str, Any] = {
        'project_id': sa.bindparam('of_project'),
        'shard': sa.bindparam('in_shard'),
        **dict.fromkeys(RESOURCES, 0),
        resource: delta,
    }
    more = {resource: _usage.c[resource] + delta}
    if dialect in ('mysql', 'mariadb'):
        return (
            mysql.insert(_usage).values(values).on_duplicate_key_update(**more)
        )
    insert = postgresql.insert if dialect == 'postgresql' else sqlite.insert
    return (
        insert(_usage)
        .values(values)
        .on_conflict_do_update(
            index_elements=['project_id', 'shard'], set_=more
        )
    )
