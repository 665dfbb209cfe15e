# SPDX-License-Identifier: Apache-2.0
"""Pages of what a project has.

The order is total and the same on every database. A page without filters
is cut from the table's index ix_..._page: after a marker in one step, however
deep; at an offset by walking the index from the nearer end. Rows are looked
up for the page's own entries only.
"""

from collections.abc import Sequence
import dataclasses
import datetime
import functools
from typing import Any

import sqlalchemy as sa

from secretstore.db import filtering, models
from secretstore.db.usage import Resource, stored

Sort = tuple[tuple[str, bool], ...]

SCOPE = sa.bindparam('scope', type_=sa.String)


@dataclasses.dataclass(frozen=True, eq=False)
class Listing:
    """What is listed: the rows of a table that belong to a scope.

    The table has the columns id and created_at. belongs compares with SCOPE,
    the id of a project or of another parent. With usage, a column of
    project_usage, the scope is a project and its rows need not be counted.
    by_index tells that ix_TABLE_page begins with what belongs compares.
    """

    table: sa.Table
    belongs: sa.ColumnElement[bool]
    usage: Resource | None = None
    expires: bool = False
    by_index: bool = True

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        return [self.belongs, *([filtering.NOT_EXPIRED] * self.expires)]


@dataclasses.dataclass(frozen=True)
class Page:
    """Which part of a list: limit rows after the first offset ones.

    sort names columns, each with whether it descends; creation decides
    between equals. marker is the id of the last row of the page before: in
    the default order it takes the place of offset, so that rows which come
    or go meanwhile do not shift the page.
    """

    limit: int
    offset: int = 0
    sort: Sort = ()
    marker: str | None = None


@dataclasses.dataclass(frozen=True)
class _Shape:
    """What distinguishes one statement from another."""

    dialect: str
    listing: Listing
    filters: filtering.Asked = ()
    sort: Sort = ()
    after_marker: bool = False
    late: bool = False
    from_end: bool = False


def page(
    conn: sa.Connection,
    listing: Listing,
    scope: str,
    page: Page,
    conditions: filtering.Conditions = filtering.NO_CONDITIONS,
    now: datetime.datetime | None = None,
) -> tuple[Sequence[sa.Row[Any]], int]:
    """Rows of all columns of the table and one more, and the total.

    :param now: needed where rows expire
    """
    # No project has as many, and every database takes the number.
    offset = min(page.offset, 2**31 - 1)
    asked, given = conditions
    values = {**given, 'scope': scope, 'limit': page.limit}
    if listing.expires:
        values['now'] = now
    shape = _Shape(conn.dialect.name, listing, asked, page.sort)
    if page.marker is not None and not page.sort:
        found = _after_marker(conn, shape, values, page.marker)
        if found is not None:
            return found
    if offset and not asked and not page.sort and listing.by_index:
        return _at_offset(conn, shape, values, page)
    return _read(
        conn,
        dataclasses.replace(shape, late=offset > 0),
        values | {'offset': offset},
    )


def _after_marker(
    conn: sa.Connection,
    shape: _Shape,
    values: filtering.Parameters,
    marker: str,
) -> tuple[Sequence[sa.Row[Any]], int] | None:
    """None when the marker's row is gone."""
    created_at = conn.execute(
        _marker(shape.listing), {'marker': marker, 'scope': values['scope']}
    ).scalar()
    if created_at is None:
        return None
    return _read(
        conn,
        dataclasses.replace(shape, after_marker=True),
        values
        | {'marker': marker, 'marker_created_at': created_at, 'offset': 0},
    )


def _at_offset(
    conn: sa.Connection,
    shape: _Shape,
    values: filtering.Parameters,
    page: Page,
) -> tuple[Sequence[sa.Row[Any]], int]:
    total = _total(conn, shape, values)
    shape = dataclasses.replace(shape, late=True)
    if page.offset >= total:
        return [], total
    if page.offset > total // 2:
        behind = total - page.offset - page.limit
        rows, total_now = _read(
            conn,
            dataclasses.replace(shape, from_end=True),
            values
            | {'limit': page.limit + min(behind, 0), 'offset': max(behind, 0)},
        )
        # Counted from the end, a row added between the two statements
        # would shift the page.
        if total_now == total:
            return rows, total
    return _read(conn, shape, values | {'offset': page.offset})


def _read(
    conn: sa.Connection, shape: _Shape, values: filtering.Parameters
) -> tuple[Sequence[sa.Row[Any]], int]:
    rows = conn.execute(_page_statement(shape), values).all()
    if rows:
        return rows, int(rows[0].total)
    return rows, _total(conn, shape, values)


def _total(
    conn: sa.Connection, shape: _Shape, values: filtering.Parameters
) -> int:
    statement = _total_statement(shape.listing, shape.filters)
    return int(conn.execute(statement, values).scalar_one())


@functools.lru_cache(maxsize=256)
def _total_statement(
    listing: Listing, filters: filtering.Asked
) -> sa.Select[int]:
    table = listing.table
    if filters or listing.usage is None:
        return (
            sa.select(sa.func.count())
            .select_from(table)
            .where(*listing.conditions(), *filtering.where(table, filters))
        )
    count = stored(listing.usage, SCOPE)
    if not listing.expires:
        return sa.select(count)
    expired = (
        sa.select(sa.func.count())
        .select_from(table)
        .where(listing.belongs, table.c.expiration <= filtering.NOW)
        .scalar_subquery()
    )
    return sa.select(count - expired)


@functools.lru_cache(maxsize=256)
def _page_statement(shape: _Shape) -> sa.Select[Any]:
    table = shape.listing.table
    total = (
        _total_statement(shape.listing, shape.filters)
        .scalar_subquery()
        .label('total')
    )
    order = _order(shape)
    if not shape.late:
        return _cut(sa.select(table, total), shape, order)
    ids = _cut(sa.select(table.c.id), shape, order).subquery('page')
    forward = _order(dataclasses.replace(shape, from_end=False))
    return (
        sa.select(table, total)
        .join_from(ids, table, table.c.id == ids.c.id)
        .order_by(*forward)
    )


def _cut(
    statement: sa.Select[Any],
    shape: _Shape,
    order: list[sa.ColumnElement[Any]],
) -> sa.Select[Any]:
    listing = shape.listing
    table = listing.table
    conditions = [
        *listing.conditions(),
        *filtering.where(table, shape.filters),
    ]
    if shape.after_marker:
        conditions.append(_after(table))
    if listing.by_index and not shape.filters and not shape.sort:
        # Left alone, MariaDB walks the index from the scope's first
        # entry to the marker instead of going there.
        for dialect in ('mysql', 'mariadb'):
            statement = statement.with_hint(
                table, f'FORCE INDEX (ix_{table.name}_page)', dialect
            )
    return (
        statement.where(*conditions)
        .order_by(*order)
        .limit(sa.bindparam('limit', type_=sa.Integer))
        .offset(sa.bindparam('offset', type_=sa.Integer))
    )


def _after(table: sa.Table) -> sa.ColumnElement[bool]:
    # MariaDB finds the start of a range with AND and OR, but not with a
    # comparison of pairs.
    created_at = sa.bindparam('marker_created_at', type_=models.Time)
    return sa.and_(
        table.c.created_at >= created_at,
        sa.or_(
            table.c.created_at > created_at,
            table.c.id > sa.bindparam('marker', type_=models.Id),
        ),
    )


@functools.lru_cache(maxsize=16)
def _marker(listing: Listing) -> sa.Select[Any]:
    table = listing.table
    return sa.select(table.c.created_at).where(
        table.c.id == sa.bindparam('marker', type_=models.Id), listing.belongs
    )


def _order(shape: _Shape) -> list[sa.ColumnElement[Any]]:
    """The sort, then creation; without a value counts as the least."""
    order: list[sa.ColumnElement[Any]] = []
    for name, descending in (
        *shape.sort,
        ('created_at', False),
        ('id', False),
    ):
        column = shape.listing.table.c[name]
        descends = descending is not shape.from_end
        element = column.desc() if descends else column.asc()
        if column.nullable and shape.dialect == 'postgresql':
            element = (
                element.nulls_last() if descends else element.nulls_first()
            )
        order.append(element)
    return order
