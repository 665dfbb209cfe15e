# SPDX-License-Identifier: Apache-2.0
"""Master keys by reference, project keys wrapped; neither in the clear.

At most one master key, and one key of each project, is in use: the second
to add one, in whatever process, gets DBDuplicateEntry.
"""

import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import models


class MasterKeyRow(NamedTuple):
    """A row of master_keys, in the order of its columns."""

    id: str
    strategy: str
    reference: str
    check_value: bytes
    in_use: bool
    created_at: datetime.datetime
    retired_at: datetime.datetime | None


class ProjectKeyRow(NamedTuple):
    """A row of project_keys, in the order of its columns."""

    id: str
    project_id: str
    master_key_id: str
    wrapped_key: bytes
    in_use: bool
    created_at: datetime.datetime


_master_keys = models.table(models.MasterKey)
_project_keys = models.table(models.ProjectKey)

_MASTER_KEYS = sa.select(_master_keys).order_by(
    _master_keys.c.created_at, _master_keys.c.id
)
_MASTER_KEY = sa.select(_master_keys).where(
    _master_keys.c.id == sa.bindparam('key_id')
)
_MASTER_KEY_IN_USE = sa.select(_master_keys).where(
    _master_keys.c.in_use == sa.true()
)
_ADD_MASTER_KEY = sa.insert(_master_keys)
_PROJECT_KEY = sa.select(_project_keys).where(
    _project_keys.c.id == sa.bindparam('key_id')
)
_PROJECT_KEY_IN_USE = sa.select(_project_keys).where(
    _project_keys.c.project_id == sa.bindparam('project_id'),
    _project_keys.c.in_use == sa.true(),
)
_ADD_PROJECT_KEY = sa.insert(_project_keys)


def master_key_in_use(conn: sa.Connection) -> MasterKeyRow | None:
    return _master(conn.execute(_MASTER_KEY_IN_USE).first())


def master_key(conn: sa.Connection, key_id: str) -> MasterKeyRow | None:
    return _master(conn.execute(_MASTER_KEY, {'key_id': key_id}).first())


def master_keys(conn: sa.Connection) -> list[MasterKeyRow]:
    """All of them, the oldest first."""
    rows = map(_master, conn.execute(_MASTER_KEYS))
    return [row for row in rows if row is not None]


def add_master_key(conn: sa.Connection, row: MasterKeyRow) -> None:
    """Raises DBDuplicateEntry when another one is in use."""
    conn.execute(_ADD_MASTER_KEY, _stored(row))


def project_key_in_use(
    conn: sa.Connection, project_id: str
) -> ProjectKeyRow | None:
    found = conn.execute(_PROJECT_KEY_IN_USE, {'project_id': project_id})
    return _project(found.first())


def project_key(conn: sa.Connection, key_id: str) -> ProjectKeyRow | None:
    return _project(conn.execute(_PROJECT_KEY, {'key_id': key_id}).first())


def add_project_key(conn: sa.Connection, row: ProjectKeyRow) -> None:
    """Raises DBDuplicateEntry when another one of the project is in use."""
    conn.execute(_ADD_PROJECT_KEY, _stored(row))


def _stored(row: MasterKeyRow | ProjectKeyRow) -> dict[str, Any]:
    # NULLs are never equal, so many rows can be out of use.
    return row._asdict() | {'in_use': row.in_use or None}


def _master(row: sa.Row[Any] | None) -> MasterKeyRow | None:
    if row is None:
        return None
    return MasterKeyRow._make(row)._replace(in_use=bool(row.in_use))


def _project(row: sa.Row[Any] | None) -> ProjectKeyRow | None:
    if row is None:
        return None
    return ProjectKeyRow._make(row)._replace(in_use=bool(row.in_use))
