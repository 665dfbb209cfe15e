# SPDX-License-Identifier: Apache-2.0
"""Orders: symmetric keys are made at once, key pairs while one waits."""

import json

from oslo_db import exception as db_exception

from secretstore import errors
from secretstore.conductor import order_keys, repeats
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of, utcnow
from secretstore.conductor.order_jobs import OrderJobs
from secretstore.conductor.targets import order_target
from secretstore.context import RequestContext
from secretstore.db import orders as db_orders
from secretstore.db.engine import Database, retried
from secretstore.db.orders import OrderRow, Outcome
from secretstore.db.quotas import Limits
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.policies import orders as policy
from secretstore.rpc.interface import NewOrder, OrderQuery, OrderView, Page


def not_found() -> errors.NotFound:
    """The same words for an order that is gone, another's or never was."""
    return errors.NotFound('Order not found.')


class OrderManager:
    """Implements :class:`secretstore.rpc.interface.Orders`.

    :param budget: seconds for which create() waits for a key pair
    """

    def __init__(
        self,
        database: Database,
        keys: KeyHierarchy,
        authorization: Authorization,
        limits: Limits,
        jobs: OrderJobs,
        budget: float,
    ) -> None:
        self._database = database
        self._keys = keys
        self._authorization = authorization
        self._limits = limits
        self._jobs = jobs
        self._budget = budget

    def create(
        self,
        context: RequestContext,
        order: NewOrder,
        order_id: str | None = None,
    ) -> str:
        self._authorization.require(context, policy.CREATE, {})
        row = _new_row(context, order, repeats.new_id(order_id))
        try:
            if order['type'] == 'key':
                self._make_key(row)
            else:
                self._make_pair(row, order['pass_phrase'])
        except errors.InvalidInput as error:
            # Accepted, and then an ERROR: there is no such key.
            self._insert(_ended(row, order_keys.failure(error)))
        return row.id

    def _make_key(self, row: OrderRow) -> None:
        key = order_keys.symmetric(self._keys, row)
        self._insert(_ended(row, key.outcome), key)

    def _make_pair(self, row: OrderRow, pass_phrase: str | None) -> None:
        order_keys.check_pair(row)
        self._check_room(row)
        sealed = order_keys.seal_pass_phrase(self._keys, row, pass_phrase)
        row = row._replace(pass_phrase=sealed)
        with self._jobs.permit() as granted:
            if not granted:
                self._insert(row._replace(claimed_until=row.created_at))
                self._jobs.left()
                return
            due = self._jobs.first_due(row.created_at)
            if not self._insert(row._replace(claimed_until=due)):
                # Whoever was asked first is at it, or others will be.
                return
            done = self._jobs.begin(row.id, due)
            if done is not None and self._budget:
                done.wait(self._budget)

    @retried
    def _check_room(self, row: OrderRow) -> None:
        try:
            self._jobs.check_room(row.project_id)
        except errors.QuotaReached:
            # What an earlier try did store, though its answer was lost,
            # needs no more room: _insert() tells whether it is that.
            with self._database.reading() as connection:
                if db_orders.get(connection, row.id) is None:
                    raise

    @retried
    def _insert(
        self, row: OrderRow, key: order_keys.Made | None = None
    ) -> bool:
        """Whether this call of create() stored the order."""
        try:
            with self._database.writing() as connection:
                if key is None:
                    db_orders.insert(connection, row, self._limits)
                else:
                    order_keys.store(connection, key, self._limits, row)
        except db_exception.DBDuplicateEntry:
            # An earlier try whose answer was lost did commit.
            known = repeats.require_order(self._database, row)
            return known.created_at == row.created_at
        return True

    @retried
    def get(self, context: RequestContext, order_id: str) -> OrderView:
        row = self._load(context, order_id)
        self._authorization.require(context, policy.GET, order_target(row))
        return _view(row)

    def _load(self, context: RequestContext, order_id: str) -> OrderRow:
        with self._database.reading() as connection:
            row = db_orders.get(connection, order_id)
        # Nobody learns of orders of other projects, administrators neither.
        if row is None or row.project_id != project_of(context):
            raise not_found()
        return row

    @retried
    def page(
        self, context: RequestContext, query: OrderQuery
    ) -> Page[OrderView]:
        self._authorization.require(context, policy.LIST, {})
        page = db_orders.Page(
            limit=query['limit'],
            offset=query['offset'],
            marker=query['marker'],
        )
        text = None
        if query['meta'] is not None:
            text = order_keys.encode(query['meta'])
        with self._database.reading() as connection:
            rows, total = db_orders.page(
                connection, project_of(context), page, text
            )
        return Page([_view(row) for row in rows], total)

    @retried
    def delete(self, context: RequestContext, order_id: str) -> None:
        row = self._load(context, order_id)
        self._authorization.require(context, policy.DELETE, order_target(row))
        # When it is gone by now, somebody else was faster, or this is the
        # second try of a delete whose answer was lost: both mean success.
        self._remove(row.id)

    @retried
    def _remove(self, order_id: str) -> None:
        with self._database.writing() as connection:
            db_orders.delete(connection, order_id)


def _new_row(
    context: RequestContext, order: NewOrder, order_id: str
) -> OrderRow:
    now = utcnow()
    return OrderRow(
        id=order_id,
        project_id=project_of(context),
        creator_id=context.user_id,
        type=order['type'],
        meta=order_keys.encode_meta(order['meta'], order['expiration']),
        pass_phrase=None,
        status=db_orders.PENDING,
        error_status_code=None,
        error_reason=None,
        secret_id=None,
        container_id=None,
        attempts=0,
        claimed_until=None,
        created_at=now,
        updated_at=now,
    )


def _ended(row: OrderRow, outcome: Outcome) -> OrderRow:
    return row._replace(status=outcome.status, **outcome._asdict())


def _view(row: OrderRow) -> OrderView:
    return {
        'id': row.id,
        'type': row.type,
        'meta': json.loads(row.meta),
        'status': row.status,
        'error_status_code': row.error_status_code,
        'error_reason': row.error_reason,
        'creator_id': row.creator_id,
        'secret_id': row.secret_id,
        'container_id': row.container_id,
        'created': row.created_at,
        'updated': row.updated_at,
    }
