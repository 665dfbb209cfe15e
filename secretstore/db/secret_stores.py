# SPDX-License-Identifier: Apache-2.0
"""Secret stores: strategies under an id, and which one a project prefers.

A store has one row, whoever adds it: the second gets DBDuplicateEntry.  At
most one is the global default; it is for the configuration to say, when none
is.
"""

import datetime
import functools
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import models
from secretstore.db.upsert import upsert


class SecretStoreRow(NamedTuple):
    """A row of secret_stores, in the order of its columns."""

    id: str
    strategy: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    global_default: bool = False


_stores = models.table(models.SecretStore)
_preferences = models.table(models.ProjectSecretStore)

_OF_PROJECT = _preferences.c.project_id == sa.bindparam('of_project')
_ALL = sa.select(_stores)
_ADD = sa.insert(_stores)
_LOCK_ALL = sa.select(_stores.c.id).order_by(_stores.c.id).with_for_update()
_NO_DEFAULT = (
    sa.update(_stores)
    .where(_stores.c.global_default == sa.true())
    .values(global_default=None)
)
_MAKE_DEFAULT = (
    sa.update(_stores)
    .where(_stores.c.strategy == sa.bindparam('of_strategy'))
    .values(
        global_default=True,
        updated_at=sa.bindparam('now', type_=models.Time),
    )
)
_PREFERRED = sa.select(_stores).join(_preferences).where(_OF_PROJECT)
_UNPREFER = sa.delete(_preferences).where(
    _OF_PROJECT,
    _preferences.c.secret_store_id == sa.bindparam('of_store'),
)


def get_all(conn: sa.Connection) -> list[SecretStoreRow]:
    """Every strategy that was ever enabled beside another."""
    return [_row(row) for row in conn.execute(_ALL)]


def add(conn: sa.Connection, row: SecretStoreRow) -> None:
    # NULLs are never equal, so many rows can be no default.
    conn.execute(
        _ADD, row._asdict() | {'global_default': row.global_default or None}
    )


def make_default(
    conn: sa.Connection, strategy: str, now: datetime.datetime
) -> None:
    """Have its store, which exists, be the global default alone."""
    conn.execute(_LOCK_ALL)
    conn.execute(_NO_DEFAULT)
    conn.execute(_MAKE_DEFAULT, {'of_strategy': strategy, 'now': now})


def preferred(conn: sa.Connection, project_id: str) -> SecretStoreRow | None:
    found = conn.execute(_PREFERRED, {'of_project': project_id}).first()
    return None if found is None else _row(found)


def prefer(conn: sa.Connection, project_id: str, store_id: str) -> None:
    """Of callers at a time the last one wins."""
    conn.execute(
        _prefer(conn.dialect.name),
        {'of_project': project_id, 'of_store': store_id},
    )


def unprefer(conn: sa.Connection, project_id: str, store_id: str) -> None:
    """Prefer this store no longer, if it was."""
    conn.execute(_UNPREFER, {'of_project': project_id, 'of_store': store_id})


@functools.cache
def _prefer(dialect: str) -> sa.Insert:
    store = sa.bindparam('of_store', type_=models.Id)
    return upsert(
        dialect,
        _preferences,
        {
            'project_id': sa.bindparam('of_project', type_=sa.String),
            'secret_store_id': store,
        },
        {'secret_store_id': store},
    )


def _row(row: Any) -> SecretStoreRow:
    made = SecretStoreRow._make(row)
    return made._replace(global_default=bool(made.global_default))
