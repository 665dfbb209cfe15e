# SPDX-License-Identifier: Apache-2.0
"""Master keys by reference, project keys wrapped; neither in the clear.

At most one master key of each strategy, and one key of each project, is in
use: the second to add one, in whatever process, gets DBDuplicateEntry.
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
    destroyed_at: datetime.datetime | None = None


class ProjectKeyRow(NamedTuple):
    """A row of project_keys, in the order of its columns."""

    id: str
    project_id: str
    master_key_id: str
    wrapped_key: bytes
    in_use: bool
    created_at: datetime.datetime
    rewrapped_at: datetime.datetime | None = None


class Wanted(NamedTuple):
    """The strategies that a project prefers, and that all others get.

    None: it prefers none; it is left to the configuration.
    """

    preferred: str | None
    default: str | None


_master_keys = models.table(models.MasterKey)
_project_keys = models.table(models.ProjectKey)
_stores = models.table(models.SecretStore)
_preferences = models.table(models.ProjectSecretStore)

_MASTER_KEYS = sa.select(_master_keys).order_by(
    _master_keys.c.created_at, _master_keys.c.id
)
_MASTER_KEY = sa.select(_master_keys).where(
    _master_keys.c.id == sa.bindparam('key_id')
)
_MASTER_KEYS_IN_USE = _MASTER_KEYS.where(_master_keys.c.in_use == sa.true())
_GUARDING = sa.select(_master_keys.c.id).where(
    _master_keys.c.in_use == sa.true(),
    sa.exists().where(_project_keys.c.master_key_id == _master_keys.c.id),
)
_MASTER_KEY_IN_USE = sa.select(_master_keys).where(
    _master_keys.c.strategy == sa.bindparam('strategy'),
    _master_keys.c.in_use == sa.true(),
)
_ADD_MASTER_KEY = sa.insert(_master_keys)
# Those who put something under the same key need not wait for each other.
_HOLD_MASTER_KEY = (
    sa.select(_master_keys.c.id)
    .where(
        _master_keys.c.id == sa.bindparam('key_id'),
        _master_keys.c.in_use == sa.true(),
    )
    .with_for_update(read=True)
)
_PROJECT_KEY = sa.select(_project_keys).where(
    _project_keys.c.id == sa.bindparam('key_id')
)
_OF_PROJECT = sa.and_(
    _project_keys.c.project_id == sa.bindparam('of_project'),
    _project_keys.c.in_use == sa.true(),
)
_PROJECT_KEY_IN_USE = (
    sa.select(_project_keys)
    .join_from(_project_keys, _master_keys)
    .outerjoin(
        _preferences, _preferences.c.project_id == _project_keys.c.project_id
    )
    .outerjoin(_stores)
    .where(
        _OF_PROJECT,
        sa.or_(
            _stores.c.strategy.is_(None),
            _stores.c.strategy == _master_keys.c.strategy,
        ),
    )
)
_DEFAULT = sa.select(_stores.c.strategy).where(
    _stores.c.global_default == sa.true()
)
_WANTED = sa.select(
    sa.select(_stores.c.strategy)
    .join_from(_preferences, _stores)
    .where(_preferences.c.project_id == sa.bindparam('of_project'))
    .scalar_subquery()
    .label('preferred'),
    _DEFAULT.scalar_subquery().label('default'),
)
# Locks the preference, and not what all who share it lock, the store.
_HOLD_PREFERRED = (
    sa.select(
        sa.select(_stores.c.strategy)
        .where(_stores.c.id == _preferences.c.secret_store_id)
        .scalar_subquery()
    )
    .where(_preferences.c.project_id == sa.bindparam('of_project'))
    .with_for_update()
)
_PREFERRED_BY_ANY = (
    sa.select(_stores.c.strategy).join_from(_stores, _preferences).distinct()
)
_RETIRE_OTHERS = (
    sa.update(_project_keys)
    .where(
        _OF_PROJECT,
        _project_keys.c.master_key_id.not_in(
            sa.select(_master_keys.c.id).where(
                _master_keys.c.strategy == sa.bindparam('strategy')
            )
        ),
    )
    .values(in_use=None)
)
_ADD_PROJECT_KEY = sa.insert(_project_keys)


def master_key_in_use(
    conn: sa.Connection, strategy: str
) -> MasterKeyRow | None:
    found = conn.execute(_MASTER_KEY_IN_USE, {'strategy': strategy})
    return master_key_of(found.first())


def master_keys_in_use(conn: sa.Connection) -> list[MasterKeyRow]:
    """One of each strategy that has been used."""
    return _masters(conn.execute(_MASTER_KEYS_IN_USE))


def guarding(conn: sa.Connection) -> frozenset[str]:
    """The ids of those in use that any project key is under."""
    return frozenset(conn.execute(_GUARDING).scalars())


def master_key(conn: sa.Connection, key_id: str) -> MasterKeyRow | None:
    return master_key_of(conn.execute(_MASTER_KEY, {'key_id': key_id}).first())


def master_keys(conn: sa.Connection) -> list[MasterKeyRow]:
    """All of them, the oldest first."""
    return _masters(conn.execute(_MASTER_KEYS))


def hold_master_key(conn: sa.Connection, key_id: str) -> bool:
    """Whether it is in use, and then stays so until the transaction ends.

    For whoever puts something under it: once a key is in use no longer,
    nothing comes under it any more.
    """
    return (
        conn.execute(_HOLD_MASTER_KEY, {'key_id': key_id}).first() is not None
    )


def add_master_key(conn: sa.Connection, row: MasterKeyRow) -> None:
    """Raises DBDuplicateEntry when another of the strategy is in use."""
    conn.execute(_ADD_MASTER_KEY, _stored(row))


def project_key_in_use(
    conn: sa.Connection, project_id: str
) -> ProjectKeyRow | None:
    """None as well while the project prefers another strategy than its."""
    found = conn.execute(_PROJECT_KEY_IN_USE, {'of_project': project_id})
    return project_key_of(found.first())


def project_key(conn: sa.Connection, key_id: str) -> ProjectKeyRow | None:
    return project_key_of(
        conn.execute(_PROJECT_KEY, {'key_id': key_id}).first()
    )


def add_project_key(conn: sa.Connection, row: ProjectKeyRow) -> None:
    """Raises DBDuplicateEntry when another one of the project is in use."""
    conn.execute(_ADD_PROJECT_KEY, _stored(row))


def retire_keys_of_others(
    conn: sa.Connection, project_id: str, strategy: str
) -> None:
    """Use the project's key no longer unless it is of this strategy."""
    conn.execute(
        _RETIRE_OTHERS, {'of_project': project_id, 'strategy': strategy}
    )


def default_strategy(conn: sa.Connection) -> str | None:
    """The one that was migrated to; None leaves it to the configuration."""
    strategy: str | None = conn.execute(_DEFAULT).scalar()
    return strategy


def wanted_strategies(conn: sa.Connection, project_id: str) -> Wanted:
    found = conn.execute(_WANTED, {'of_project': project_id})
    return Wanted._make(found.one())


def hold_preferred_strategy(
    conn: sa.Connection, project_id: str
) -> str | None:
    """The strategy that the project prefers, as it is now.

    When there is one, nobody changes it before the transaction ends.
    """
    found = conn.execute(_HOLD_PREFERRED, {'of_project': project_id})
    strategy: str | None = found.scalar()
    return strategy


def preferred_strategies(conn: sa.Connection) -> list[str]:
    """Those that any project prefers."""
    return list(conn.execute(_PREFERRED_BY_ANY).scalars())


def _stored(row: MasterKeyRow | ProjectKeyRow) -> dict[str, Any]:
    # NULLs are never equal, so many rows can be out of use.
    return row._asdict() | {'in_use': row.in_use or None}


def _masters(found: sa.CursorResult[Any]) -> list[MasterKeyRow]:
    return [row for row in map(master_key_of, found) if row is not None]


def master_key_of(row: sa.Row[Any] | None) -> MasterKeyRow | None:
    if row is None:
        return None
    return MasterKeyRow._make(row)._replace(in_use=bool(row.in_use))


def project_key_of(row: sa.Row[Any] | None) -> ProjectKeyRow | None:
    if row is None:
        return None
    return ProjectKeyRow._make(row)._replace(in_use=bool(row.in_use))
