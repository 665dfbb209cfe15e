# SPDX-License-Identifier: Apache-2.0
"""Secrets: one row each, with the payload's envelope in a table beside it.

An expired secret is absent for everything but delete().
"""

from collections.abc import Collection
import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import filtering, models, paging, quotas
from secretstore.db.counted import Counted
from secretstore.db.filtering import Filters as Filters
from secretstore.db.paging import Page as Page


class SecretRow(NamedTuple):
    """A row of secrets, in the order of its columns."""

    id: str
    project_id: str
    creator_id: str | None
    name: str | None
    secret_type: str
    algorithm: str | None
    bit_length: int | None
    mode: str | None
    content_type: str | None
    expiration: datetime.datetime | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    acl_project_access: bool | None = None
    acl_created_at: datetime.datetime | None = None
    acl_updated_at: datetime.datetime | None = None


class PayloadRow(NamedTuple):
    """An envelope, and what decides who may open it.

    content_type and envelope are None until the payload is set.
    """

    id: str
    project_id: str
    creator_id: str | None
    content_type: str | None
    acl_project_access: bool | None
    envelope: bytes | None


class StoredPayload(NamedTuple):
    """An envelope and the key that opens it."""

    project_key_id: str
    envelope: bytes


_secrets = models.table(models.Secret)
_payloads = models.table(models.SecretPayload)
_acl_users = models.table(models.SecretAclUser)

_OF_PROJECT = paging.Listing(
    _secrets,
    _secrets.c.project_id == paging.SCOPE,
    usage='secrets',
    expires=True,
)
_SHARED = paging.Listing(
    _secrets,
    _secrets.c.id.in_(
        sa.select(_acl_users.c.secret_id).where(
            _acl_users.c.user_id == paging.SCOPE
        )
    ),
    expires=True,
    by_index=False,
)
_COUNTED = Counted(_secrets, 'secrets')
_ID = _secrets.c.id == sa.bindparam('secret_id')
_INSERT = sa.insert(_secrets)
_INSERT_PAYLOAD = sa.insert(_payloads)
_GET = sa.select(_secrets).where(_ID)
_LOCK = _GET.with_for_update()
_GET_PAYLOAD = (
    sa.select(
        _secrets.c.id,
        _secrets.c.project_id,
        _secrets.c.creator_id,
        _secrets.c.content_type,
        _secrets.c.acl_project_access,
        _payloads.c.envelope,
        _secrets.c.expiration,
    )
    .outerjoin_from(_secrets, _payloads)
    .where(_ID)
)
_SET_CONTENT_TYPE = (
    sa.update(_secrets)
    .where(_ID, _secrets.c.content_type.is_(None))
    .values(
        content_type=sa.bindparam('new_content_type'),
        updated_at=sa.bindparam('now'),
    )
)
_HOLD = (
    sa.select(_secrets.c.id)
    .where(
        _secrets.c.id.in_(sa.bindparam('ids', expanding=True)),
        _secrets.c.project_id == sa.bindparam('of_project'),
        filtering.NOT_EXPIRED,
    )
    .order_by(_secrets.c.id)
    .with_for_update(read=True, key_share=True)
)


def insert(
    conn: sa.Connection,
    row: SecretRow,
    payload: StoredPayload | None,
    limits: quotas.Limits = quotas.UNLIMITED,
) -> None:
    """Add a secret, as the last step of a transaction.

    :param limits: those of projects without their own
    :raises DBDuplicateEntry: when its id is taken
    :raises QuotaReached: when the project has as many as it may have
    """
    add(conn, row, payload)
    quotas.take(conn, row.project_id, 'secrets', limits, row.created_at)


def add(
    conn: sa.Connection, row: SecretRow, payload: StoredPayload | None
) -> None:
    """What insert() does, for whoever counts it among others."""
    conn.execute(_INSERT, row._asdict())
    if payload is not None:
        _insert_payload(conn, row.id, payload)


def get(
    conn: sa.Connection, secret_id: str, now: datetime.datetime
) -> SecretRow | None:
    """The secret, or None when there is none or it expired."""
    return _found(conn, _GET, secret_id, now)


def lock(
    conn: sa.Connection, secret_id: str, now: datetime.datetime
) -> SecretRow | None:
    """What get() gives, as it stays until the transaction ends."""
    return _found(conn, _LOCK, secret_id, now)


def hold(
    conn: sa.Connection,
    project_id: str,
    secret_ids: Collection[str],
    now: datetime.datetime,
) -> set[str]:
    """Those of the secrets that the project has.

    None of them is deleted before the transaction ends.
    """
    if not secret_ids:
        return set()
    values = {'ids': list(secret_ids), 'of_project': project_id, 'now': now}
    return set(conn.execute(_HOLD, values).scalars())


def _found(
    conn: sa.Connection,
    statement: sa.Select[Any],
    secret_id: str,
    now: datetime.datetime,
) -> SecretRow | None:
    found = conn.execute(statement, {'secret_id': secret_id}).first()
    if found is None or _has_expired(found.expiration, now):
        return None
    return SecretRow._make(found)


def get_payload(
    conn: sa.Connection, secret_id: str, now: datetime.datetime
) -> PayloadRow | None:
    """The secret's envelope, or None when there is no secret."""
    found = conn.execute(_GET_PAYLOAD, {'secret_id': secret_id}).first()
    if found is None or _has_expired(found.expiration, now):
        return None
    return PayloadRow._make(found[:-1])


def set_payload(
    conn: sa.Connection,
    secret_id: str,
    content_type: str,
    payload: StoredPayload,
    now: datetime.datetime,
) -> bool:
    """Give a secret its payload; False when it has one or does not exist.

    Of several callers at a time exactly one gets True.
    """
    done = conn.execute(
        _SET_CONTENT_TYPE,
        {
            'secret_id': secret_id,
            'new_content_type': content_type,
            'now': now,
        },
    )
    if not done.rowcount:
        return False
    _insert_payload(conn, secret_id, payload)
    return True


def delete(conn: sa.Connection, secret_id: str) -> bool:
    """Remove a secret with all that is its own; False when it was gone.

    Raises DBReferenceError while it has consumers.
    """
    return _COUNTED.delete(conn, secret_id)


def page(
    conn: sa.Connection,
    project_id: str,
    filters: Filters,
    page: Page,
    now: datetime.datetime,
) -> tuple[list[SecretRow], int]:
    """One page of a project's secrets, and how many there are in all."""
    return _page(conn, _OF_PROJECT, project_id, filters, page, now)


def shared(
    conn: sa.Connection,
    user_id: str,
    filters: Filters,
    page: Page,
    now: datetime.datetime,
) -> tuple[list[SecretRow], int]:
    """The same of the secrets whose access lists name a user."""
    return _page(conn, _SHARED, user_id, filters, page, now)


def _page(
    conn: sa.Connection,
    listing: paging.Listing,
    scope: str,
    filters: Filters,
    page: Page,
    now: datetime.datetime,
) -> tuple[list[SecretRow], int]:
    rows, total = paging.page(
        conn, listing, scope, page, filters.conditions(), now
    )
    return [SecretRow._make(row[:-1]) for row in rows], total


def _has_expired(
    expiration: datetime.datetime | None, now: datetime.datetime
) -> bool:
    # Here and not in SQL: one parameter less is 8 us less.
    return expiration is not None and expiration <= now


def _insert_payload(
    conn: sa.Connection, secret_id: str, payload: StoredPayload
) -> None:
    conn.execute(
        _INSERT_PAYLOAD,
        {
            'secret_id': secret_id,
            'project_key_id': payload.project_key_id,
            'envelope': payload.envelope,
        },
    )
