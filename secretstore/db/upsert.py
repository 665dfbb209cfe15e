# SPDX-License-Identifier: Apache-2.0
"""Insert a row, or change the one that is there: one statement for both."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite


def upsert(
    dialect: str,
    table: sa.Table,
    values: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> sa.Insert:
    """Insert *values*; where their primary key is taken make *changes*.

    :param dialect: the name of the connection's dialect
    """
    if dialect in ('mysql', 'mariadb'):
        return (
            mysql.insert(table)
            .values(values)
            .on_duplicate_key_update(**changes)
        )
    insert = postgresql.insert if dialect == 'postgresql' else sqlite.insert
    return (
        insert(table)
        .values(values)
        .on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_=changes
        )
    )
