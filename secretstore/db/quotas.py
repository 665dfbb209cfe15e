# SPDX-License-Identifier: Apache-2.0
"""How much a project may have, and taking one more of it.

However many take at a time, on however many hosts, a project does not come
to have more than its limit. A new limit holds for whoever begins after it was
set: what is under way then may still finish under the old one.
"""

from collections.abc import Mapping
import datetime
import functools
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore import errors
from secretstore.db import models, usage
from secretstore.db.upsert import upsert
from secretstore.db.usage import Resource


class Limits(NamedTuple):
    """How many of each; negative: any number, None: nothing is said."""

    secrets: int | None = None
    orders: int | None = None
    containers: int | None = None
    consumers: int | None = None
    cas: int | None = None


UNLIMITED = Limits(*[-1] * len(Limits._fields))

# Whoever is limited counts here, and only one can at a time.
_GATE = 0

_quotas = models.table(models.ProjectQuota)
_secrets = models.table(models.Secret)

_PROJECT = sa.bindparam('of_project', type_=sa.String)
_OF_PROJECT = _quotas.c.project_id == _PROJECT
_LIMITS = [_quotas.c[name] for name in Limits._fields]

_GET = sa.select(*_LIMITS).where(_OF_PROJECT)
_DELETE = sa.delete(_quotas).where(_OF_PROJECT)
_TOTAL = sa.select(sa.func.count()).select_from(_quotas)
_EXPIRED = (
    sa.select(sa.func.count())
    .where(
        _secrets.c.project_id == _PROJECT,
        _secrets.c.expiration <= sa.bindparam('now', type_=models.Time),
    )
    .scalar_subquery()
)
_PAGE = (
    sa.select(_quotas.c.project_id, *_LIMITS)
    .order_by(_quotas.c.project_id)
    .limit(sa.bindparam('limit', type_=sa.Integer))
    .offset(sa.bindparam('offset', type_=sa.Integer))
)


def get(conn: sa.Connection, project_id: str) -> Limits | None:
    """The project's own limits, or None when it has none."""
    found = conn.execute(_GET, {'of_project': project_id}).first()
    return None if found is None else Limits._make(found)


def put(conn: sa.Connection, project_id: str, limits: Limits) -> None:
    """Set the limits that are not None; the others stay as they are."""
    conn.execute(
        _put(conn.dialect.name),
        {
            'of_project': project_id,
            **{f'new_{name}': n for name, n in limits._asdict().items()},
        },
    )


def delete(conn: sa.Connection, project_id: str) -> None:
    """Forget a project's own limits, if it has any."""
    conn.execute(_DELETE, {'of_project': project_id})


def page(
    conn: sa.Connection, limit: int, offset: int
) -> tuple[list[tuple[str, Limits]], int]:
    """Projects with limits of their own, by id, and how many there are."""
    values = {'limit': limit, 'offset': min(offset, 2**31 - 1)}
    rows = conn.execute(_PAGE, values).all()
    total = conn.execute(_TOTAL).scalar_one()
    return [(row[0], Limits._make(row[1:])) for row in rows], total


def take(
    conn: sa.Connection,
    project_id: str,
    resource: Resource,
    defaults: Limits,
    now: datetime.datetime,
) -> None:
    """take_all() for one more of one resource."""
    take_all(conn, project_id, {resource: 1}, defaults, now)


def take_all(
    conn: sa.Connection,
    project_id: str,
    counts: Mapping[Resource, int],
    defaults: Limits,
    now: datetime.datetime,
) -> None:
    """Count that many more of each; QuotaReached when they are too many.

    For the transaction that adds them, as its last step: until its end
    others of a limited project wait, and QuotaReached must roll it back.

    :param defaults: the limits of projects without their own
    """
    dialect, names = conn.dialect.name, tuple(counts)
    known: dict[str, Any] = {
        f'default_{name}': -1 if limit is None else limit
        for name, limit in defaults._asdict().items()
        if name in counts
    }
    values = known | usage.parameters(conn, project_id, counts)
    if conn.execute(_unless_limited(dialect, names), values).rowcount:
        return
    if 'secrets' in counts:
        known['now'] = now
    values = known | usage.parameters(conn, project_id, counts, _GATE)
    counted = conn.execute(_where_room(dialect, names), values).rowcount
    # Others may have counted while we waited for our turn.
    known['of_project'] = project_id
    if not counted or not conn.execute(_keeps(names), known).scalar_one():
        raise errors.QuotaReached()


@functools.cache
def _unless_limited(
    dialect: str, resources: tuple[Resource, ...]
) -> sa.Insert:
    """Counts, unless one of them is limited: most projects are not."""
    free = sa.and_(*[_limit(name) < 0 for name in resources])
    return usage.statement(dialect, resources, free)


@functools.cache
def _where_room(dialect: str, resources: tuple[Resource, ...]) -> sa.Insert:
    """Counts, unless there is no room.

    Nobody then adds a row that is rolled back: on MariaDB those who wait for
    such a row end in a deadlock.
    """
    room = sa.and_(
        *[
            _fits(name, sa.bindparam(f'{name}_delta', type_=sa.BigInteger))
            for name in resources
        ]
    )
    return usage.statement(dialect, resources, room)


@functools.cache
def _keeps(resources: tuple[Resource, ...]) -> sa.Select[bool]:
    """Whether there are no more than there may be."""
    return sa.select(sa.and_(*[_fits(name) for name in resources]))


def _fits(
    resource: Resource, more: sa.ColumnElement[int] | None = None
) -> sa.ColumnElement[bool]:
    limit, total = _limit(resource), usage.stored(resource, _PROJECT)
    count = total if more is None else total + more
    if resource == 'secrets':
        count = count - _EXPIRED
    return sa.or_(limit < 0, count <= limit)


def _limit(resource: Resource) -> sa.ColumnElement[int]:
    own = sa.select(_quotas.c[resource]).where(_OF_PROJECT).scalar_subquery()
    default = sa.bindparam(f'default_{resource}', type_=sa.Integer)
    return sa.func.coalesce(own, default)


@functools.cache
def _put(dialect: str) -> sa.Insert:
    given = {
        name: sa.bindparam(f'new_{name}', type_=sa.Integer)
        for name in Limits._fields
    }
    return upsert(
        dialect,
        _quotas,
        {'project_id': _PROJECT, **given},
        {
            name: sa.func.coalesce(new, _quotas.c[name])
            for name, new in given.items()
        },
    )
