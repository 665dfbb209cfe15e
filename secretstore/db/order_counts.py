# SPDX-License-Identifier: Apache-2.0
"""How many orders there are, for monitoring: cheap however many that is."""

import datetime

import sqlalchemy as sa

from secretstore.db import models, orders

# Nobody waits for an exact number of more, and each takes time to count.
MOST = 10000

_orders = models.table(models.Order)
_SOME = (
    sa.select(_orders.c.id)
    .where(_orders.c.status == sa.bindparam('state'))
    .limit(MOST)
    .subquery('some')
)
_COUNT = sa.select(sa.func.count()).select_from(_SOME)
# In the order in which they are due, as there is an index of that.
_WAITING = (
    sa.select(_orders.c.created_at)
    .where(_orders.c.status == orders.PENDING)
    .order_by(_orders.c.claimed_until)
    .limit(MOST)
    .subquery('waiting')
)
_OLDEST = sa.select(sa.func.min(_WAITING.c.created_at))


def counts(conn: sa.Connection) -> dict[str, int]:
    """How many orders there are by state, MOST for more than that."""
    return {
        state: conn.execute(_COUNT, {'state': state}).scalar_one()
        for state in (orders.PENDING, orders.ACTIVE, orders.ERROR)
    }


def oldest_pending(conn: sa.Connection) -> datetime.datetime | None:
    """When the oldest order that is PENDING was created; None: none is.

    Looks at the MOST of them that are due first.
    """
    found: datetime.datetime | None = conn.execute(_OLDEST).scalar_one()
    return found
