# SPDX-License-Identifier: Apache-2.0
"""Key pairs that were ordered: made once, by whichever conductor has time.

A PENDING order is due when nobody has claimed it or the claim has run out.
Whoever works on it claims it first, and stores what was made in the
transaction that ends the order: of two that work on the same one, after a
long pause of the first, one stores and the other leaves nothing behind.
"""

from collections.abc import Iterator
import contextlib
import datetime
import threading
from typing import NamedTuple

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.conductor import common, order_keys
from secretstore.conductor.background import Task
from secretstore.conductor.workers import Workers
from secretstore.db import orders as db_orders
from secretstore.db.engine import Database, retried
from secretstore.db.orders import OrderRow, Outcome
from secretstore.db.quotas import Limits
from secretstore.keys.hierarchy import KeyHierarchy

LOG = logging.getLogger(__name__)

THREAD_NAME = 'secretstore-orders'
# How soon there may be a thread again when none was left.
_SOON_SECONDS = 1.0


class _Options(NamedTuple):
    claim: datetime.timedelta
    pause: datetime.timedelta
    max_attempts: int
    max_age: datetime.timedelta
    max_pending: int


class OrderJobs:
    """Makes the key pairs of this process's requests, and left-over ones."""

    def __init__(
        self,
        database: Database,
        keys: KeyHierarchy,
        limits: Limits,
        conf: cfg.ConfigOpts,
    ) -> None:
        group = conf.orders
        self._database = database
        self._keys = keys
        self._limits = limits
        self._options = _Options(
            datetime.timedelta(seconds=group.claim_seconds),
            datetime.timedelta(seconds=group.resume_interval),
            group.max_attempts,
            datetime.timedelta(seconds=group.max_pending_seconds),
            group.max_pending_per_project,
        )
        self._workers = Workers(
            THREAD_NAME, group.asymmetric_workers, self._take_next
        )
        # Whether orders may be due that no thread was free for, and whose
        # turn it was last.
        self._behind = False
        self._last_project = ''
        # Claimed orders that could not be let go, and their attempts.
        self._held: dict[str, int] = {}

    def task(self) -> Task:
        seconds = self._options.pause.total_seconds()
        return Task('orders', seconds, self.run)

    @retried
    def check_room(self, project_id: str) -> None:
        """QuotaReached when a project waits for too many key pairs already.

        It bounds what others, and the processors, wait for.  Requests at the
        same time may come past it by a few.
        """
        if not self._options.max_pending:
            return
        with self._database.reading() as connection:
            pending = db_orders.pending(connection, project_id)
        if pending >= self._options.max_pending:
            raise errors.QuotaReached()

    @contextlib.contextmanager
    def permit(self) -> Iterator[bool]:
        """Whether a request may have its key pair made here, and wait for it.

        Only as many may as there are threads that make them, while one is
        free and nobody is before them: a request that waits keeps a thread
        of the server from everybody.
        """
        with self._workers.permit() as granted:
            yield granted and not self._behind

    def left(self) -> None:
        """An order was left for whoever has time: maybe we have."""
        self._behind = True
        # It is stored, whatever comes now: run() will find it.
        with contextlib.suppress(errors.DatabaseUnavailable):
            self._take()

    def first_due(self, now: datetime.datetime) -> datetime.datetime:
        """Until when other conductors leave an order that is new to us."""
        return now + self._options.pause

    def submit(self, order_id: str, due: datetime.datetime) -> threading.Event:
        """Work on an order unless somebody has begun since *due*.

        The event is set when we can do no more, whatever the order's state.
        """
        return self._workers.submit(
            order_id, lambda: self._work(order_id, due)
        )

    def begin(
        self, order_id: str, due: datetime.datetime
    ) -> threading.Event | None:
        """submit(), or None when there is no thread to be had.

        The order is stored: run() will find it.
        """
        try:
            return self.submit(order_id, due)
        except RuntimeError as error:
            LOG.warning('Order %s has to wait: %s', order_id, error)
            self._behind = True
            return None

    def run(self) -> float | None:
        """Take on orders that somebody has to finish."""
        for order_id, attempt in list(self._held.items()):
            self._let_go(order_id, attempt, give_back=True)
        self._take()
        return _SOON_SECONDS if self._behind else None

    def _take_next(self) -> None:
        if self._behind:
            self._take()

    def _take(self) -> None:
        """Begin what is due, as far as there are threads.

        Two at a time may take the same: that is then done once, and we are
        still behind.
        """
        room = self._workers.room()
        now = common.utcnow()
        found = self._due(now, room) if room else []
        for due in found:
            if self.begin(due.id, now) is None:
                return
            self._last_project = due.project_id
        self._behind = len(found) == room

    @retried
    def _due(
        self, now: datetime.datetime, at_most: int
    ) -> list[db_orders.Due]:
        with self._database.reading() as connection:
            return db_orders.due(connection, now, at_most, self._last_project)

    def _work(self, order_id: str, due: datetime.datetime) -> None:
        order = self._claim(order_id, due)
        if order is None:
            return
        if order.attempts > self._options.max_attempts:
            self._end(order, order_keys.gave_up(self._options.max_attempts))
            return
        try:
            pair = order_keys.key_pair(self._keys, order)
            self._end(order, pair.outcome, pair)
        except errors.Unavailable as error:
            self._wait(order, error)
        except errors.SecretStoreError as error:
            LOG.warning('Order %s: %s', order.id, error.message)
            self._end(order, order_keys.failure(error))
        except Exception:
            LOG.error('Order %s: attempt %d failed', order.id, order.attempts)
            self._let_go(order.id, order.attempts, give_back=False)
            raise

    def _wait(self, order: OrderRow, error: errors.Unavailable) -> None:
        LOG.warning('Order %s has to wait: %s', order.id, error.message)
        if common.utcnow() - order.created_at > self._options.max_age:
            self._end(order, order_keys.failure(error))
        else:
            self._let_go(order.id, order.attempts, give_back=True)

    def _let_go(self, order_id: str, attempt: int, give_back: bool) -> None:
        until = common.utcnow() + self._options.pause
        try:
            self._postpone(order_id, attempt, until, give_back)
        except errors.DatabaseUnavailable:
            if give_back:
                self._held[order_id] = attempt
        else:
            self._held.pop(order_id, None)

    @retried
    def _claim(self, order_id: str, due: datetime.datetime) -> OrderRow | None:
        now = common.utcnow()
        with self._database.writing() as connection:
            return db_orders.claim(
                connection, order_id, max(due, now), now + self._options.claim
            )

    @retried
    def _postpone(
        self,
        order_id: str,
        attempt: int,
        until: datetime.datetime,
        give_back: bool,
    ) -> None:
        with self._database.writing() as connection:
            db_orders.postpone(connection, order_id, attempt, until, give_back)

    @retried
    def _end(
        self,
        order: OrderRow,
        outcome: Outcome,
        pair: order_keys.Made | None = None,
    ) -> None:
        with self._database.writing() as connection:
            # The order's row first: who comes second stores nothing.  A key
            # pair is welcome from whoever has it, a failure only from who
            # holds the order.
            attempt = order.attempts if pair is None else None
            done = db_orders.finish(
                connection, order.id, attempt, outcome, common.utcnow()
            )
            if done and pair is not None:
                order_keys.store(connection, pair, self._limits)
