# SPDX-License-Identifier: Apache-2.0
"""Named keys: one per project, kind and object, whoever adds it first."""

import datetime
from typing import NamedTuple

import sqlalchemy as sa

from secretstore.db import models


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


_keys = models.table(models.NamedKey)

_GET = sa.select(_keys).where(
    _keys.c.project_id == sa.bindparam('of_project'),
    _keys.c.kind == sa.bindparam('of_kind'),
    _keys.c.object_id == sa.bindparam('of_object'),
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


def add(conn: sa.Connection, row: NamedKeyRow) -> None:
    """Raises DBDuplicateEntry when there is one of this name."""
    conn.execute(_ADD, row._asdict())


def delete(conn: sa.Connection, key_id: str) -> bool:
    """Remove a key; False when it was gone."""
    return bool(conn.execute(_DELETE, {'key_id': key_id}).rowcount)
