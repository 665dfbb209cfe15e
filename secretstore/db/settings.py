# SPDX-License-Identifier: Apache-2.0
"""Numbers that all processes have to agree on."""

import sqlalchemy as sa

from secretstore.db import models
from secretstore.db.upsert import upsert

_settings = models.table(models.Setting)
_GET = sa.select(_settings.c.value).where(
    _settings.c.name == sa.bindparam('of_name')
)


def get(conn: sa.Connection, name: str) -> int | None:
    value: int | None = conn.execute(_GET, {'of_name': name}).scalar()
    return value


def put(conn: sa.Connection, name: str, value: int) -> None:
    """Of callers at a time the last one wins."""
    _write(conn, name, value, sa.literal(value))


def put_at_least(conn: sa.Connection, name: str, value: int) -> None:
    """Of callers at a time, and of before, the greatest one wins."""
    known = _settings.c.value
    _write(conn, name, value, sa.case((known < value, value), else_=known))


def _write(
    conn: sa.Connection, name: str, value: int, change: sa.ColumnElement[int]
) -> None:
    conn.execute(
        upsert(
            conn.dialect.name,
            _settings,
            {'name': name, 'value': value},
            {'value': change},
        )
    )
