# SPDX-License-Identifier: Apache-2.0
"""Connections to the database, for reading and for writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import functools
import logging
import os
import random
import threading
import time
from typing import ParamSpec, Self, TypeVar

from oslo_config import cfg
from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import exc

from secretstore import errors
from secretstore.conf import database as conf_database
from secretstore.db import connect
from secretstore.metrics import record

LOG = logging.getLogger(__name__)

P = ParamSpec('P')
T = TypeVar('T')

# Seconds before each further attempt. The first comes at once: a pooled
# connection that died meanwhile is found out by using it.
_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
_GIVE_UP_SECONDS = 2.0

_TRY_AGAIN = (db_exc.DBConnectionError, db_exc.DBDeadlock)
_AWAY = (
    *_TRY_AGAIN,
    db_exc.DBNonExistentDatabase,
    exc.OperationalError,
    exc.TimeoutError,
)


class _Pools:
    """What belongs to one process and must not be used in its children."""

    def __init__(self, url: sa.URL, options: connect.Options) -> None:
        self.pid = os.getpid()
        self.reading = connect.reading_engine(url, options)
        self.writing = connect.writing_engine(url, options)
        self.one_writer = threading.Lock()


class Database:
    """One database: connections for reading and for writing.

    Thread safe. Nothing is opened before the first use, and a process
    forked later opens connections of its own.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = conf_database.MAX_POOL_SIZE,
        max_overflow: int = 20,
        pool_timeout: float = 5,
        pool_recycle: int = 3600,
        mysql_sql_mode: str | None = 'TRADITIONAL',
        mysql_wsrep_sync_wait: int | None = None,
        patient: bool = False,
    ) -> None:
        self._url = connect.parse(url)
        self._options = connect.Options(
            pool_size,
            max_overflow,
            pool_timeout,
            pool_recycle,
            mysql_sql_mode,
            mysql_wsrep_sync_wait,
            None if patient else connect.ANSWER_SECONDS,
        )
        self.dialect = connect.kind(self._url)
        self._pools = _Pools(self._url, self._options)
        self._inherited: list[_Pools] = []

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts, patient: bool = False) -> Self:
        """The database of the options in group [database].

        patient waits for answers however long they take: for migrations.
        """
        conf_database.register_opts(conf)
        group = conf.database
        if not group.connection:
            raise errors.StartupError('[database] connection is not set')
        url = group.connection
        if group.connection_parameters:
            joint = '&' if '?' in url else '?'
            url = f'{url}{joint}{group.connection_parameters}'
        return cls(
            url,
            pool_size=group.max_pool_size,
            max_overflow=group.max_overflow,
            pool_timeout=5
            if group.pool_timeout is None
            else group.pool_timeout,
            pool_recycle=group.connection_recycle_time,
            mysql_sql_mode=group.mysql_sql_mode or None,
            mysql_wsrep_sync_wait=group.mysql_wsrep_sync_wait,
            patient=patient,
        )

    def reading(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """A connection on which each statement sees what is committed."""
        return self._own().reading.connect()

    def writing(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """One transaction: committed on success, rolled back on an error."""
        pools = self._own()
        if self.dialect == 'sqlite':
            return self._writing_alone(pools)
        return pools.writing.begin()

    def dispose(self) -> None:
        """Close all connections that are not in use; more may be opened."""
        pools = self._own()
        pools.reading.dispose()
        pools.writing.dispose()

    @contextlib.contextmanager
    def _writing_alone(self, pools: _Pools) -> Iterator[sa.Connection]:
        # SQLite has one writer. Waiting here is fair and cheap; SQLite's own
        # way of waiting is to sleep and ask again.
        if not pools.one_writer.acquire(timeout=connect.SQLITE_BUSY_SECONDS):
            raise exc.TimeoutError('another transaction does not end')
        try:
            with pools.writing.begin() as connection:
                yield connection
        finally:
            pools.one_writer.release()

    def _own(self) -> _Pools:
        pools = self._pools
        if pools.pid != os.getpid():
            # Closing an inherited connection, or letting it be collected,
            # would say good-bye to the server in the parent's name.
            self._inherited.append(pools)
            pools = self._pools = _Pools(self._url, self._options)
        return pools


def retried(operation: Callable[P, T]) -> Callable[P, T]:
    """Try an operation again when the database could not finish it.

    For a whole operation with its transactions, which starts anew each
    time: deadlocks, serialization failures and lost connections are worth
    another try for about two seconds. What remains of those, and of a
    database that is away, read-only or too busy, leaves as
    DatabaseUnavailable.

    A connection lost during COMMIT leaves open whether it happened, so an
    operation that inserts should choose its ids before it is called.
    """

    @functools.wraps(operation)
    def trying(*args: P.args, **kwargs: P.kwargs) -> T:
        give_up = time.monotonic() + _GIVE_UP_SECONDS
        pauses = iter(_PAUSES)
        while True:
            try:
                return operation(*args, **kwargs)
            except _TRY_AGAIN as error:
                pause = next(pauses, _GIVE_UP_SECONDS)
                if time.monotonic() + pause >= give_up:
                    raise _unavailable(error) from error
                LOG.info('%s is tried again: %s', operation.__name__, error)
                record.database_retry(_cause(error))
                time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            except _AWAY as error:
                raise _unavailable(error) from error

    return trying


def _cause(error: Exception) -> str:
    deadlock = isinstance(error, db_exc.DBDeadlock)
    return 'deadlock' if deadlock else 'connection'


def _unavailable(error: Exception) -> errors.DatabaseUnavailable:
    LOG.error('The database cannot be used: %s', error)
    record.database_failure()
    return errors.DatabaseUnavailable(
        'The database is not available at the moment'
    )
