# SPDX-License-Identifier: Apache-2.0
"""Master keys are replaced and retired, and project keys move between them.

What is changed is first locked, or named with what it was: of two that
change the same, one finds that it came too late.

A project key belongs under the master key in use of the strategy that its
project prefers, else of the global default, else of its own.
"""

from collections.abc import Collection, Sequence
import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import models
from secretstore.db.keys import (
    MasterKeyRow,
    ProjectKeyRow,
    add_master_key,
    master_key_of,
)

_master_keys = models.table(models.MasterKey)
_project_keys = models.table(models.ProjectKey)
_stores = models.table(models.SecretStore)
_preferences = models.table(models.ProjectSecretStore)


class Misplaced(NamedTuple):
    """A project key, and the strategy whose master key it belongs under."""

    key: ProjectKeyRow
    strategy: str


class Reach(NamedTuple):
    """Between which strategies keys can be moved.

    without has the master keys that nothing can be moved from.
    """

    sources: Collection[str]
    targets: Collection[str]
    without: Collection[str] = ()


_ID = _master_keys.c.id == sa.bindparam('key_id', type_=models.Id)
_NOW: sa.BindParameter[datetime.datetime] = sa.bindparam(
    'now', type_=models.Time
)
_LOCK = sa.select(_master_keys).where(_ID).with_for_update()
_REPLACE = (
    sa.update(_master_keys)
    .where(_ID, _master_keys.c.in_use == sa.true())
    .values(in_use=None)
)
_RETIRE = (
    sa.update(_master_keys).where(_ID).values(in_use=None, retired_at=_NOW)
)
_TO_DESTROY = (
    sa.select(_master_keys)
    .where(
        _master_keys.c.retired_at.is_not(None),
        _master_keys.c.destroyed_at.is_(None),
    )
    .order_by(_master_keys.c.id)
)
_DESTROYED = (
    sa.update(_master_keys)
    .where(_ID, _master_keys.c.destroyed_at.is_(None))
    .values(destroyed_at=_NOW)
)
_STRATEGIES = sa.union(
    sa.select(_master_keys.c.strategy, _master_keys.c.in_use).where(
        _master_keys.c.retired_at.is_(None)
    ),
    sa.select(_stores.c.strategy, sa.true()).join_from(_stores, _preferences),
)
_COUNT = sa.select(_project_keys.c.master_key_id, sa.func.count()).group_by(
    _project_keys.c.master_key_id
)
_COUNT_UNDER = (
    sa.select(sa.func.count())
    .select_from(_project_keys)
    .where(
        _project_keys.c.master_key_id
        == sa.bindparam('key_id', type_=models.Id)
    )
)
_COUNT_SINCE = (
    sa.select(sa.func.count())
    .select_from(_project_keys)
    .where(
        _project_keys.c.rewrapped_at > sa.bindparam('since', type_=models.Time)
    )
)
_COUNT_PREFERRING = (
    sa.select(sa.func.count())
    .select_from(_preferences)
    .join(_stores)
    .where(_stores.c.strategy == sa.bindparam('of_strategy'))
)

_defaults = _stores.alias('defaults')
_WANTED = sa.func.coalesce(
    _stores.c.strategy,
    sa.select(_defaults.c.strategy)
    .where(_defaults.c.global_default == sa.true())
    .scalar_subquery(),
    _master_keys.c.strategy,
)
_SOURCES: sa.BindParameter[Sequence[str]] = sa.bindparam(
    'sources', expanding=True
)
_TARGETS: sa.BindParameter[Sequence[str]] = sa.bindparam(
    'targets', expanding=True
)
_WITHOUT: sa.BindParameter[Sequence[str]] = sa.bindparam(
    'without', expanding=True
)
_ALL_MISPLACED = (
    sa.select(_project_keys, _WANTED.label('wanted'))
    .join_from(_project_keys, _master_keys)
    .outerjoin(
        _preferences, _preferences.c.project_id == _project_keys.c.project_id
    )
    .outerjoin(_stores, _stores.c.id == _preferences.c.secret_store_id)
    .where(
        sa.or_(
            _master_keys.c.in_use.is_(None), _WANTED != _master_keys.c.strategy
        )
    )
)
_COUNT_MISPLACED = _ALL_MISPLACED.with_only_columns(
    sa.func.count(), maintain_column_froms=True
)
_MISPLACED = (
    _ALL_MISPLACED.where(
        _project_keys.c.id > sa.bindparam('after', type_=models.Id),
        _master_keys.c.strategy.in_(_SOURCES),
        _WANTED.in_(_TARGETS),
        _project_keys.c.master_key_id.not_in(_WITHOUT),
    )
    .order_by(_project_keys.c.id)
    .limit(sa.bindparam('at_most', type_=sa.Integer))
)
_MOVE = (
    sa.update(_project_keys)
    .where(
        _project_keys.c.id == sa.bindparam('key_id', type_=models.Id),
        _project_keys.c.master_key_id
        == sa.bindparam('old_master', type_=models.Id),
        _project_keys.c.wrapped_key
        == sa.bindparam('old_wrapped', type_=models.Bytes),
    )
    .values(
        master_key_id=sa.bindparam('new_master', type_=models.Id),
        wrapped_key=sa.bindparam('new_wrapped', type_=models.Bytes),
        rewrapped_at=_NOW,
    )
)
_WRAPPED = sa.select(_project_keys.c.id, _project_keys.c.wrapped_key).where(
    _project_keys.c.id.in_(sa.bindparam('ids', expanding=True))
)


def lock_master_key(conn: sa.Connection, key_id: str) -> MasterKeyRow | None:
    """As it is now; nobody changes it, or puts anything new under it, then.

    Until the transaction ends, that is.
    """
    return master_key_of(conn.execute(_LOCK, {'key_id': key_id}).first())


def replace_master_key(
    conn: sa.Connection, old_id: str, new: MasterKeyRow
) -> bool:
    """Use another key of the strategy; False when this one is not in use."""
    if not conn.execute(_REPLACE, {'key_id': old_id}).rowcount:
        return False
    add_master_key(conn, new)
    return True


def retire(conn: sa.Connection, key_id: str, now: datetime.datetime) -> None:
    """For a key that is locked and has nothing under it."""
    conn.execute(_RETIRE, {'key_id': key_id, 'now': now})


def to_destroy(conn: sa.Connection) -> list[MasterKeyRow]:
    """The retired ones that their custodians may still have."""
    found = map(master_key_of, conn.execute(_TO_DESTROY))
    return [row for row in found if row is not None]


def destroyed(
    conn: sa.Connection, key_id: str, now: datetime.datetime
) -> bool:
    """Note that a custodian has it no longer; False: noted already."""
    done = conn.execute(_DESTROYED, {'key_id': key_id, 'now': now})
    return bool(done.rowcount)


def is_settled(conn: sa.Connection) -> bool:
    """Whether no key can be misplaced; False says little."""
    found = conn.execute(_STRATEGIES).all()
    return len(found) <= 1 and all(row.in_use for row in found)


def count_by_master_key(conn: sa.Connection) -> dict[str, int]:
    """How many project keys are under each that has any."""
    return {key_id: count for key_id, count in conn.execute(_COUNT)}


def count_under(conn: sa.Connection, key_id: str) -> int:
    return _number(conn, _COUNT_UNDER, key_id=key_id)


def count_rewrapped(conn: sa.Connection, since: datetime.datetime) -> int:
    return _number(conn, _COUNT_SINCE, since=since)


def count_misplaced(conn: sa.Connection) -> int:
    return _number(conn, _COUNT_MISPLACED)


def count_preferring(conn: sa.Connection, strategy: str) -> int:
    """How many projects prefer a strategy."""
    return _number(conn, _COUNT_PREFERRING, of_strategy=strategy)


def misplaced(
    conn: sa.Connection, reach: Reach, after: str, at_most: int
) -> list[Misplaced]:
    """Project keys that belong under another master key, in order of id.

    :param after: only those with a greater id
    """
    lists = {name: list(value) for name, value in reach._asdict().items()}
    found = conn.execute(
        _MISPLACED, {**lists, 'after': after, 'at_most': at_most}
    )
    return [
        Misplaced(
            ProjectKeyRow._make(row[:-1])._replace(in_use=bool(row.in_use)),
            row.wanted,
        )
        for row in found
    ]


def move(
    conn: sa.Connection,
    old: ProjectKeyRow,
    master_key_id: str,
    wrapped: bytes,
    now: datetime.datetime,
) -> bool:
    """Put a project key under another master key, which the caller holds.

    False, and nothing is changed, when it is not as *old* says any more.
    """
    done = conn.execute(
        _MOVE,
        {
            'key_id': old.id,
            'old_master': old.master_key_id,
            'old_wrapped': old.wrapped_key,
            'new_master': master_key_id,
            'new_wrapped': wrapped,
            'now': now,
        },
    )
    return bool(done.rowcount)


def wrapped_keys(
    conn: sa.Connection, ids: Collection[str]
) -> dict[str, bytes]:
    """What is stored of project keys, by their ids."""
    found = conn.execute(_WRAPPED, {'ids': list(ids)})
    return {key_id: bytes(wrapped) for key_id, wrapped in found}


def _number(
    conn: sa.Connection, statement: sa.Select[Any], **values: object
) -> int:
    count: int = conn.execute(statement, values).scalar_one()
    return count
