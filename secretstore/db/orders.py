# SPDX-License-Identifier: Apache-2.0
"""Orders: one row each, which whoever works on it claims for a while."""

import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import filtering, models, paging, quotas
from secretstore.db.counted import Counted
from secretstore.db.paging import Page as Page

PENDING = 'PENDING'
ACTIVE = 'ACTIVE'
ERROR = 'ERROR'


class OrderRow(NamedTuple):
    """A row of orders, in the order of its columns; meta is JSON."""

    id: str
    project_id: str
    creator_id: str | None
    type: str
    meta: str
    pass_phrase: bytes | None
    status: str
    error_status_code: str | None
    error_reason: str | None
    secret_id: str | None
    container_id: str | None
    attempts: int
    claimed_until: datetime.datetime | None
    created_at: datetime.datetime
    updated_at: datetime.datetime


class Outcome(NamedTuple):
    """How an order ends: what was made, or why nothing was."""

    secret_id: str | None = None
    container_id: str | None = None
    error_status_code: str | None = None
    error_reason: str | None = None

    @property
    def status(self) -> str:
        return ACTIVE if self.error_reason is None else ERROR


class Due(NamedTuple):
    """An order that nobody holds."""

    id: str
    project_id: str


_orders = models.table(models.Order)

_OF_PROJECT = paging.Listing(
    _orders, _orders.c.project_id == paging.SCOPE, usage='orders'
)
_COUNTED = Counted(_orders, 'orders')
_ID = _orders.c.id == sa.bindparam('order_id', type_=models.Id)
_IS_PENDING = _orders.c.status == PENDING
_DUE: sa.BindParameter[datetime.datetime] = sa.bindparam(
    'due', type_=models.Time
)
_UNTIL: sa.BindParameter[datetime.datetime] = sa.bindparam(
    'until', type_=models.Time
)
_INSERT = sa.insert(_orders)
_GET = sa.select(_orders).where(_ID)
_QUEUE = (
    sa.select(
        _orders.c.id,
        _orders.c.project_id,
        sa.func.row_number()
        .over(
            partition_by=_orders.c.project_id,
            order_by=(_orders.c.claimed_until, _orders.c.id),
        )
        .label('place'),
    )
    .where(_IS_PENDING, _orders.c.claimed_until <= _DUE)
    .subquery('queue')
)
_FIND_DUE = (
    sa.select(_QUEUE.c.id, _QUEUE.c.project_id)
    .order_by(
        _QUEUE.c.place,
        sa.case((_QUEUE.c.project_id > sa.bindparam('after'), 0), else_=1),
        _QUEUE.c.project_id,
    )
    .limit(sa.bindparam('at_most', type_=sa.Integer))
)
_PENDING = (
    sa.select(sa.func.count())
    .select_from(_orders)
    .where(_IS_PENDING, _orders.c.project_id == paging.SCOPE)
)
_CLAIM = (
    sa.update(_orders)
    .where(_ID, _IS_PENDING, _orders.c.claimed_until <= _DUE)
    .values(claimed_until=_UNTIL, attempts=_orders.c.attempts + 1)
)
_HELD = sa.and_(
    _ID, _IS_PENDING, _orders.c.attempts == sa.bindparam('attempt')
)
_POSTPONE = (
    sa.update(_orders)
    .where(_HELD)
    .values(
        claimed_until=_UNTIL,
        attempts=_orders.c.attempts - sa.bindparam('give_back'),
    )
)
_FINISH = (
    sa.update(_orders)
    .where(_ID, _IS_PENDING)
    .values(
        status=sa.bindparam('new_status'),
        error_status_code=sa.bindparam('new_code'),
        error_reason=sa.bindparam('new_reason'),
        secret_id=sa.bindparam('new_secret_id'),
        container_id=sa.bindparam('new_container_id'),
        pass_phrase=sa.null(),
        claimed_until=sa.null(),
        updated_at=sa.bindparam('now'),
    )
)
_FINISH_HELD = _FINISH.where(_orders.c.attempts == sa.bindparam('attempt'))


def insert(
    conn: sa.Connection,
    row: OrderRow,
    limits: quotas.Limits = quotas.UNLIMITED,
) -> None:
    """Add an order, as the last step of a transaction.

    :param limits: those of projects without their own
    :raises DBDuplicateEntry: when its id is taken
    :raises QuotaReached: when the project has as many as it may have
    """
    add(conn, row)
    quotas.take(conn, row.project_id, 'orders', limits, row.created_at)


def add(conn: sa.Connection, row: OrderRow) -> None:
    """What insert() does, for whoever counts it among others."""
    conn.execute(_INSERT, row._asdict())


def get(conn: sa.Connection, order_id: str) -> OrderRow | None:
    found = conn.execute(_GET, {'order_id': order_id}).first()
    return None if found is None else OrderRow._make(found)


def delete(conn: sa.Connection, order_id: str) -> bool:
    """Remove an order; False when it was gone."""
    return _COUNTED.delete(conn, order_id)


def page(
    conn: sa.Connection, project_id: str, page: Page, meta: str | None = None
) -> tuple[list[OrderRow], int]:
    """One page of a project's orders, and how many there are in all.

    :param meta: what the order's JSON must hold
    """
    conditions = filtering.NO_CONDITIONS
    if meta:
        conditions = (('meta', 'meta', 'contains'),), {'meta': meta}
    rows, total = paging.page(conn, _OF_PROJECT, project_id, page, conditions)
    return [OrderRow._make(row[:-1]) for row in rows], total


def due(
    conn: sa.Connection, now: datetime.datetime, at_most: int, after: str = ''
) -> list[Due]:
    """PENDING orders that nobody holds, each project's longest left first.

    Projects take turns: nobody waits for all that another has ordered.

    :param after: the project whose turn it was last
    """
    values = {'due': now, 'at_most': at_most, 'after': after}
    return [Due._make(row) for row in conn.execute(_FIND_DUE, values)]


def pending(conn: sa.Connection, project_id: str) -> int:
    """How many orders of a project are PENDING."""
    return conn.execute(_PENDING, {'scope': project_id}).scalar_one()


def claim(
    conn: sa.Connection,
    order_id: str,
    due: datetime.datetime,
    until: datetime.datetime,
) -> OrderRow | None:
    """Hold a PENDING order; None unless nobody has held it since *due*.

    Of several callers at a time one gets it.
    """
    values = {'order_id': order_id, 'due': due, 'until': until}
    if not conn.execute(_CLAIM, values).rowcount:
        return None
    return get(conn, order_id)


def postpone(
    conn: sa.Connection,
    order_id: str,
    attempt: int,
    until: datetime.datetime,
    give_back: bool,
) -> bool:
    """Let go of a claimed order; False when somebody else holds it.

    :param attempt: attempts as claim() gave them
    :param until: when it is due again
    :param give_back: whether this attempt does not count
    """
    done = conn.execute(
        _POSTPONE,
        {
            'order_id': order_id,
            'attempt': attempt,
            'until': until,
            'give_back': int(give_back),
        },
    )
    return bool(done.rowcount)


def finish(
    conn: sa.Connection,
    order_id: str,
    attempt: int | None,
    outcome: Outcome,
    now: datetime.datetime,
) -> bool:
    """End a PENDING order; False when it is gone or somebody ended it.

    Of several callers at a time one gets True.

    :param attempt: attempts as claim() gave them, to end it only while
        nobody else has claimed it; None ends it whoever holds it
    """
    values: dict[str, Any] = {
        'order_id': order_id,
        'new_status': outcome.status,
        'new_code': outcome.error_status_code,
        'new_reason': outcome.error_reason,
        'new_secret_id': outcome.secret_id,
        'new_container_id': outcome.container_id,
        'now': now,
    }
    if attempt is None:
        return bool(conn.execute(_FINISH, values).rowcount)
    values['attempt'] = attempt
    return bool(conn.execute(_FINISH_HELD, values).rowcount)
