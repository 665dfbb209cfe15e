# SPDX-License-Identifier: Apache-2.0
"""Remove the last of a project; ``collection`` removes the most of it."""

import sqlalchemy as sa

from secretstore.db import collection, consumers, models

_PROJECT = sa.bindparam('of_project', type_=sa.String)

# Of what others may still add to while it is removed.
RESOURCES: tuple[collection.Resource, ...] = (
    'orders',
    'containers',
    'secrets',
)
_RESOURCES: dict[str, sa.Table] = {
    resource: collection.TABLES[resource] for resource in RESOURCES
}
# Those of the project on what belongs to others. No index helps to find
# them: they are looked for once in a project's life.
_CONSUMERS: dict[str, sa.Table] = {
    'secret consumers': models.table(models.SecretConsumer),
    'container consumers': models.table(models.ContainerConsumer),
}
_KINDS = {
    'secret consumers': consumers.OF_SECRETS,
    'container consumers': consumers.OF_CONTAINERS,
}
_NAMED_KEYS = models.table(models.NamedKey)
# What may be many, besides the resources.
_MANY: dict[str, sa.Table] = {**_CONSUMERS, 'named keys': _NAMED_KEYS}
# In the order of their removal: without its keys nothing can be read.
_LAST: dict[str, sa.Table] = {
    'quotas': models.table(models.ProjectQuota),
    'preferred secret stores': models.table(models.ProjectSecretStore),
    'named keys': _NAMED_KEYS,
    'project keys': models.table(models.ProjectKey),
}
_ALL = {**_RESOURCES, **_CONSUMERS, **_LAST}

_COUNT = {
    name: sa.select(sa.func.count())
    .select_from(table)
    .where(table.c.project_id == _PROJECT)
    for name, table in _ALL.items()
}
_ANY = sa.select(
    sa.or_(
        *(
            sa.exists().where(table.c.project_id == _PROJECT)
            # Of named keys it is told where they are, so that none is left
            # for the end.
            for table in (*_RESOURCES.values(), _NAMED_KEYS)
        )
    )
)
_usage = models.table(models.ProjectUsage)
_LOCK_USAGE = (
    sa.select(_usage.c.shard)
    .where(_usage.c.project_id == _PROJECT)
    .order_by(_usage.c.shard)
    .with_for_update()
)
_SOME = {
    name: sa.select(table.c.id)
    .where(table.c.project_id == _PROJECT)
    .limit(sa.bindparam('at_most'))
    for name, table in _MANY.items()
}
_ELSEWHERE = (
    sa.select(_NAMED_KEYS.c.strategy, _NAMED_KEYS.c.reference)
    .where(
        _NAMED_KEYS.c.id.in_(sa.bindparam('ids', expanding=True)),
        _NAMED_KEYS.c.reference.is_not(None),
    )
    .order_by(_NAMED_KEYS.c.strategy, _NAMED_KEYS.c.reference)
)
_DELETE_NAMED_KEYS = sa.delete(_NAMED_KEYS).where(
    _NAMED_KEYS.c.id.in_(sa.bindparam('ids', expanding=True))
)
_DELETE_LAST = {
    name: sa.delete(table).where(table.c.project_id == _PROJECT)
    for name, table in _LAST.items()
}
_DELETE_USAGE = sa.delete(_usage).where(
    _usage.c.project_id == _PROJECT,
    _usage.c.shard.in_(sa.bindparam('shards', expanding=True)),
)


def count(conn: sa.Connection, project_id: str) -> dict[str, int]:
    """How many of each kind a project has."""
    return {
        name: conn.execute(statement, {'of_project': project_id}).scalar_one()
        for name, statement in _COUNT.items()
    }


def some(
    conn: sa.Connection, project_id: str, at_most: int
) -> dict[str, list[str]]:
    """Ids of named keys, and of consumers registered anywhere, by kind."""
    values = {'of_project': project_id, 'at_most': at_most}
    return {
        name: list(conn.execute(statement, values).scalars())
        for name, statement in _SOME.items()
    }


def elsewhere(conn: sa.Connection, ids: list[str]) -> list[tuple[str, str]]:
    """Strategies, and by what references they keep these named keys."""
    found = conn.execute(_ELSEWHERE, {'ids': ids})
    return [(strategy, reference) for strategy, reference in found]


def remove_some(
    conn: sa.Connection, project_id: str, kind: str, ids: list[str]
) -> int:
    """Delete those that are still there; returns how many."""
    if not ids:
        return 0
    if kind in _KINDS:
        return _KINDS[kind].remove_of(conn, project_id, ids)
    return conn.execute(_DELETE_NAMED_KEYS, {'ids': ids}).rowcount


def finish(conn: sa.Connection, project_id: str) -> dict[str, int] | None:
    """Delete what is left of a project without resources and named keys.

    None, and nothing is deleted, when it has some after all.
    """
    values = {'of_project': project_id}
    # Whoever adds a resource meanwhile waits for one of these rows, or adds
    # another, which stays.
    shards = list(conn.execute(_LOCK_USAGE, values).scalars())
    if conn.execute(_ANY, values).scalar_one():
        return None
    conn.execute(_DELETE_USAGE, {**values, 'shards': shards})
    return {
        name: conn.execute(statement, values).rowcount
        for name, statement in _DELETE_LAST.items()
    }
