# SPDX-License-Identifier: Apache-2.0
"""Transport keys: our own pair in use, and public keys of others.

At most one pair is in use: the second to add one gets DBDuplicateEntry.
"""

import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import filtering, models, paging


class TransportKeyRow(NamedTuple):
    """A row of transport_keys, in the order of its columns.

    project_key_id and envelope are None for a public key without its pair.
    """

    id: str
    suite: str
    public_key: str
    project_key_id: str | None
    envelope: bytes | None
    in_use: bool
    created_at: datetime.datetime


_keys = models.table(models.TransportKey)

# They belong to nobody.
_LISTING = paging.Listing(_keys, sa.true(), by_index=False)
_ID = _keys.c.id == sa.bindparam('key_id')
_GET = sa.select(_keys).where(_ID)
_IN_USE = sa.select(_keys).where(_keys.c.in_use == sa.true())
_ADD = sa.insert(_keys)
_DELETE = sa.delete(_keys).where(_ID)


def get(conn: sa.Connection, key_id: str) -> TransportKeyRow | None:
    return _row(conn.execute(_GET, {'key_id': key_id}).first())


def in_use(conn: sa.Connection) -> TransportKeyRow | None:
    return _row(conn.execute(_IN_USE).first())


def add(conn: sa.Connection, row: TransportKeyRow) -> None:
    # NULLs are never equal, so many rows can be out of use.
    conn.execute(_ADD, row._asdict() | {'in_use': row.in_use or None})


def delete(conn: sa.Connection, key_id: str) -> None:
    """Remove a key, if it is there."""
    conn.execute(_DELETE, {'key_id': key_id})


def page(
    conn: sa.Connection, suite: str | None, page: paging.Page
) -> tuple[list[TransportKeyRow], int]:
    """One page, and how many there are in all.

    :param suite: list those of this suite only
    """
    rows, total = paging.page(
        conn, _LISTING, '', page, filtering.conditions({'suite': suite})
    )
    found = [_row(row[:-1]) for row in rows]
    return [row for row in found if row is not None], total


def _row(row: Any | None) -> TransportKeyRow | None:
    if row is None:
        return None
    made = TransportKeyRow._make(row)
    return made._replace(in_use=bool(made.in_use))
