# SPDX-License-Identifier: Apache-2.0
"""Insert a row, or change the one that is there: one statement for both."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

T = TypeVar('T', bound=sa.Insert)


def upsert(
    dialect: str,
    table: sa.Table,
    values: Mapping[str, Any],
    changes: Mapping[str, Any],
    where: sa.ColumnElement[bool] | None = None,
) -> sa.Insert:
    """Insert *values*; where their primary key is taken make *changes*.

    :param dialect: the name of the connection's dialect
    :param where: do nothing, and tell so by the row count, unless this is so
    """
    if dialect in ('mysql', 'mariadb'):
        return _given(
            mysql.insert(table), values, where
        ).on_duplicate_key_update(**changes)
    insert = postgresql.insert if dialect == 'postgresql' else sqlite.insert
    return _given(insert(table), values, where).on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=changes
    )


def adding(
    dialect: str,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    column: str,
) -> sa.Insert:
    """Insert rows; where one is there already add to its *column*."""
    if dialect in ('mysql', 'mariadb'):
        row = mysql.insert(table).values(rows)
        total = table.c[column] + row.inserted[column]
        return row.on_duplicate_key_update({column: total})
    insert = postgresql.insert if dialect == 'postgresql' else sqlite.insert
    one = insert(table).values(rows)
    return one.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={column: table.c[column] + one.excluded[column]},
    )


def _given(
    insert: T, values: Mapping[str, Any], where: sa.ColumnElement[bool] | None
) -> T:
    if where is None:
        return insert.values(values)
    # MariaDB wants a table for a condition.
    one = sa.select(sa.literal_column('1').label('one')).subquery('one')
    row = sa.select(*values.values()).select_from(one).where(where)
    return insert.from_select(list(values), row)
