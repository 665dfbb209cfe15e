# SPDX-License-Identifier: Apache-2.0
"""Find what is of no use any more, and remove it in batches.

Whoever finds a batch has locked it until the transaction ends.  Several
processes may do so at the same time: each gets other rows, and what is
removed is counted once.
"""

import collections
from collections.abc import Sequence
import datetime
from typing import Literal, NamedTuple

import sqlalchemy as sa

from secretstore.db import consumers, models, usage

Resource = Literal['secrets', 'containers', 'orders']

_FINISHED = ('ACTIVE', 'ERROR')
TABLES: dict[Resource, sa.Table] = {
    'secrets': models.table(models.Secret),
    'containers': models.table(models.Container),
    'orders': models.table(models.Order),
}
_CONSUMERS = {
    'secrets': consumers.OF_SECRETS,
    'containers': consumers.OF_CONTAINERS,
}


class Found(NamedTuple):
    """A row that may be removed, and the project that it counts for."""

    id: str
    project_id: str


def _finding(
    resource: Resource, *conditions: sa.ColumnElement[bool]
) -> sa.Select[tuple[str, str]]:
    columns = TABLES[resource].c
    return (
        sa.select(columns.id, columns.project_id)
        .where(*conditions)
        .limit(sa.bindparam('at_most'))
    )


_BEFORE: sa.BindParameter[datetime.datetime] = sa.bindparam('before')
_secrets = TABLES['secrets'].c
_orders = TABLES['orders'].c
_EXPIRED = (
    _finding('secrets', _secrets.expiration <= _BEFORE)
    .order_by(_secrets.expiration)
    .with_for_update(skip_locked=True)
)
_FINISHED_ORDERS = _finding(
    'orders', _orders.status.in_(_FINISHED), _orders.updated_at <= _BEFORE
).with_for_update(skip_locked=True)
_OF_PROJECT = {
    resource: _finding(
        resource, table.c.project_id == sa.bindparam('of_project')
    ).with_for_update()
    for resource, table in TABLES.items()
}
_DELETE = {
    resource: sa.delete(table).where(
        table.c.id.in_(sa.bindparam('ids', expanding=True))
    )
    for resource, table in TABLES.items()
}


def expired_secrets(
    conn: sa.Connection, before: datetime.datetime, at_most: int
) -> list[Found]:
    """Secrets that expired until then, the oldest first."""
    return _found(conn, _EXPIRED, before=before, at_most=at_most)


def finished_orders(
    conn: sa.Connection, before: datetime.datetime, at_most: int
) -> list[Found]:
    """Orders that are ACTIVE or ERROR and did not change since then."""
    return _found(conn, _FINISHED_ORDERS, before=before, at_most=at_most)


def of_project(
    conn: sa.Connection, resource: Resource, project_id: str, at_most: int
) -> list[Found]:
    """Some of a project's rows; waits for those that others have locked."""
    return _found(
        conn, _OF_PROJECT[resource], of_project=project_id, at_most=at_most
    )


def remove(
    conn: sa.Connection, resource: Resource, found: Sequence[Found]
) -> int:
    """Delete locked rows with all that belongs to them; returns how many."""
    if not found:
        return 0
    ids = [row.id for row in found]
    if resource in _CONSUMERS:
        _CONSUMERS[resource].forget(conn, ids)
    conn.execute(_DELETE[resource], {'ids': ids})
    counts = collections.Counter(row.project_id for row in found)
    usage.removed(conn, resource, counts)
    return len(ids)


def _found(
    conn: sa.Connection,
    statement: sa.Select[tuple[str, str]],
    **values: object,
) -> list[Found]:
    return [Found._make(row) for row in conn.execute(statement, values)]
