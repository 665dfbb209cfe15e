# SPDX-License-Identifier: Apache-2.0
"""Named keys: one per project, kind and object, whoever adds it first."""

import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import models, paging


class NamedKeyRow(NamedTuple):
    """A row of named_keys, in the order of its columns."""

    id: str
    project_id: str
    kind: str
    object_id: str
    title: str
    algorithm: str | None
    mode: str | None
    bit_length: int | None
    strategy: str
    reference: str | None
    project_key_id: str | None
    envelope: bytes | None
    created_at: datetime.datetime


class Entry(NamedTuple):
    """What a list has of a key."""

    object_id: str
    title: str
    algorithm: str | None
    mode: str | None
    bit_length: int | None
    created_at: datetime.datetime


_keys = models.table(models.NamedKey)

_OF_KIND = (
    _keys.c.project_id == sa.bindparam('of_project'),
    _keys.c.kind == sa.bindparam('of_kind'),
)
_GET = sa.select(_keys).where(
    *_OF_KIND, _keys.c.object_id == sa.bindparam('of_object')
)
# In the order of the index that has the names.
_PAGE = (
    sa.select(*(_keys.c[name] for name in Entry._fields))
    .where(*_OF_KIND)
    .order_by(_keys.c.object_id)
    .limit(sa.bindparam('at_most', type_=sa.Integer))
    .offset(sa.bindparam('behind', type_=sa.Integer))
)
_PAGE_AFTER = _PAGE.where(_keys.c.object_id > sa.bindparam('after'))
_COUNT = sa.select(sa.func.count()).select_from(_keys).where(*_OF_KIND)
_KEPT = (
    sa.select(_keys.c.strategy, sa.func.count())
    .where(_keys.c.reference.is_not(None))
    .group_by(_keys.c.strategy)
    .order_by(_keys.c.strategy)
)
_ADD = sa.insert(_keys)
_DELETE = sa.delete(_keys).where(_keys.c.id == sa.bindparam('key_id'))


def get(
    conn: sa.Connection, project_id: str, kind: str, object_id: str
) -> NamedKeyRow | None:
    found = conn.execute(
        _GET,
        {'of_project': project_id, 'of_kind': kind, 'of_object': object_id},
    ).first()
    return None if found is None else NamedKeyRow._make(found)


def page(
    conn: sa.Connection, project_id: str, kind: str, page: paging.Page
) -> tuple[list[Entry], int]:
    """Some keys in the order of their objects' ids, and how many there are.

    The marker is the id of an object, which need not have a key any more.
    """
    values: dict[str, Any] = {
        'of_project': project_id,
        'of_kind': kind,
        'at_most': page.limit,
    }
    if page.marker is None:
        # No project has as many, and every database takes the number.
        values['behind'] = min(page.offset, 2**31 - 1)
        found = conn.execute(_PAGE, values)
    else:
        values |= {'behind': 0, 'after': page.marker}
        found = conn.execute(_PAGE_AFTER, values)
    entries = [Entry._make(row) for row in found]
    return entries, count(conn, project_id, kind)


def count(conn: sa.Connection, project_id: str, kind: str) -> int:
    of = {'of_project': project_id, 'of_kind': kind}
    return int(conn.execute(_COUNT, of).scalar_one())


def kept_by_strategies(conn: sa.Connection) -> dict[str, int]:
    """How many each strategy keeps that keeps any; the rest are sealed here.

    It reads all rows, so it is not for requests.
    """
    return {strategy: count for strategy, count in conn.execute(_KEPT)}


def add(conn: sa.Connection, row: NamedKeyRow) -> None:
    """Raises DBDuplicateEntry when there is one of this name."""
    conn.execute(_ADD, row._asdict())


def delete(conn: sa.Connection, key_id: str) -> bool:
    """Remove a key; False when it was gone."""
    return bool(conn.execute(_DELETE, {'key_id': key_id}).rowcount)
