# SPDX-License-Identifier: Apache-2.0
"""Secret stores: strategies under an id, and which one a project prefers.

A store has one row, whoever adds it: the second gets DBDuplicateEntry.
"""

import datetime
import functools
from typing import NamedTuple

import sqlalchemy as sa

from secretstore.db import models
from secretstore.db.upsert import upsert


class SecretStoreRow(NamedTuple):
    """A row of secret_stores, in the order of its columns."""

    id: str
    strategy: str
    created_at: datetime.datetime
    updated_at: datetime.datetime


_stores = models.table(models.SecretStore)
_preferences = models.table(models.ProjectSecretStore)

_OF_PROJECT = _preferences.c.project_id == sa.bindparam('of_project')
_ALL = sa.select(_stores)
_ADD = sa.insert(_stores)
_PREFERRED = sa.select(_stores).join(_preferences).where(_OF_PROJECT)
_UNPREFER = sa.delete(_preferences).where(
    _OF_PROJECT,
    _preferences.c.secret_store_id == sa.bindparam('of_store'),
)


def get_all(conn: sa.Connection) -> list[SecretStoreRow]:
    """Every strategy that was ever enabled beside another."""
    return [SecretStoreRow._make(row) for row in conn.execute(_ALL)]


def add(conn: sa.Connection, row: SecretStoreRow) -> None:
    conn.execute(_ADD, row._asdict())


def preferred(conn: sa.Connection, project_id: str) -> SecretStoreRow | None:
    found = conn.execute(_PREFERRED, {'of_project': project_id}).first()
    return None if found is None else SecretStoreRow._make(found)


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
