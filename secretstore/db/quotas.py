# SPDX-License-Identifier: Apache-2.0
"""How much a project may have, and taking one more of it.

However many take at a time, on however many hosts, a project does not come
to have more than its limit. A new limit holds for whoever begins after it was
set: what is under way then may still finish under the old one.
"""

from collections.abc import Mapping
import datetime
import functools
import time
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

# For so long a project that was limited is taken to be limited still. Where
# it no longer is, its writers only wait for each other for nothing.
_LIMITED_SECONDS = 10.0
_MAX_LIMITED = 1000
_LIMITED = 'limited_projects'

_quotas = models.table(models.ProjectQuota)
_secrets = models.table(models.Secret)
_usage = models.table(models.ProjectUsage)

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
    if not _seems_limited(conn, project_id):
        values = known | usage.parameters(conn, project_id, counts)
        if conn.execute(_unless_limited(dialect, names), values).rowcount:
            return
        _remember_limited(conn, project_id)
    if 'secrets' in counts:
        known['now'] = now
    values = known | usage.parameters(conn, project_id, counts, usage.GATE)
    if conn.execute(_at_gate(names), values).rowcount:
        return
    # Nothing was counted at the gate yet, or there is no room.
    counted = conn.execute(_where_room(dialect, names), values).rowcount
    # Others may have counted while we waited for our turn.
    known['of_project'] = project_id
    if not counted or not conn.execute(_keeps(names), known).scalar_one():
        raise errors.QuotaReached()


def _seems_limited(conn: sa.Connection, project_id: str) -> bool:
    until: float = conn.info.get(_LIMITED, {}).get(project_id, 0.0)
    return time.monotonic() < until


def _remember_limited(conn: sa.Connection, project_id: str) -> None:
    limited = conn.info.setdefault(_LIMITED, {})
    if len(limited) >= _MAX_LIMITED:
        limited.clear()
    limited[project_id] = time.monotonic() + _LIMITED_SECONDS


@functools.cache
def _unless_limited(
    dialect: str, resources: tuple[Resource, ...]
) -> sa.Insert:
    """Counts, unless one of them is limited: most projects are not."""
    free = sa.and_(*[_limit(name) < 0 for name in resources])
    return usage.statement(dialect, resources, free)


@functools.cache
def _at_gate(resources: tuple[Resource, ...]) -> sa.Update:
    """Counts at the gate that is there, if there is room.

    The gate's own count is compared as it is when our turn has come; the
    rest may be of the moment when we began to wait, and did not grow since.
    """
    more = {
        name: _usage.c[name]
        + sa.bindparam(f'{name}_delta', type_=sa.BigInteger)
        for name in resources
    }
    at_gate = [
        _usage.c.project_id == _PROJECT,
        _usage.c.shard == sa.bindparam('in_shard', type_=sa.SmallInteger),
    ]
    room = [
        _is_within(name, count + usage.elsewhere(name, _PROJECT))
        for name, count in more.items()
    ]
    return sa.update(_usage).where(*at_gate, *room).values(more)


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
    total = usage.stored(resource, _PROJECT)
    return _is_within(resource, total if more is None else total + more)


def _is_within(
    resource: Resource, total: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    limit = _limit(resource)
    within = [limit < 0, total <= limit]
    if resource == 'secrets':
        # Last: expired ones are counted only where they decide.
        within.append(total - _EXPIRED <= limit)
    return sa.or_(*within)


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
