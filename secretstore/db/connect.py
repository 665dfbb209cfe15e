# SPDX-License-Identifier: Apache-2.0
"""How each kind of database is connected to.

What oslo.db's own create_engine() adds to every request is left out: the
thread yield on return, the ping on checkout, a rollback after each commit
and no pool at all for SQLite. Its exception filters and defaults stay.
"""

from collections.abc import Callable
import dataclasses
import datetime
import importlib
import sqlite3
import time
from typing import Any

from oslo_db.sqlalchemy import exc_filters
import sqlalchemy as sa
from sqlalchemy import event, exc

from secretstore import errors

Prepare = Callable[[Any, Any], None]

CONNECT_SECONDS = 5
# A server that hangs is as good as gone, sooner than a client gives up.
ANSWER_SECONDS = 20
SQLITE_BUSY_SECONDS = 10

# The server answers, but cannot do its work: too many connections, shutting
# down, read-only after a fail-over, not yet or no longer in the cluster. A
# new connection may reach one that can.
_MYSQL_AWAY = {1040, 1047, 1053, 1290, 1836, 1927, 2013}
_POSTGRESQL_AWAY = {'25006', '53300', '57P01', '57P02', '57P03'}


@dataclasses.dataclass(frozen=True)
class Options:
    """What an operator may choose about the connections."""

    pool_size: int
    max_overflow: int
    pool_timeout: float
    pool_recycle: int
    mysql_sql_mode: str | None
    mysql_wsrep_sync_wait: int | None
    answer_seconds: int | None = ANSWER_SECONDS


def parse(url: str) -> sa.URL:
    """Raise StartupError, without the URL's password, for an unusable one."""
    try:
        parsed = sa.make_url(url)
        driver = parsed.get_dialect()
        driver.import_dbapi()
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        # ArgumentError repeats the URL, and with it the password.
        reason = (
            'not a database URL'
            if isinstance(error, exc.ArgumentError)
            and not isinstance(error, exc.NoSuchModuleError)
            else str(error)
        )
        raise errors.StartupError(f'[database] connection: {reason}') from None
    if kind(parsed) not in _PREPARE:
        raise errors.StartupError(
            '[database] connection: use sqlite, mysql or postgresql, not '
            + parsed.get_backend_name()
        )
    if kind(parsed) == 'sqlite' and _in_memory(parsed):
        raise errors.StartupError(
            '[database] connection: SQLite needs a file, as in '
            'sqlite:////var/lib/secretstore/secretstore.db'
        )
    return parsed


def _in_memory(url: sa.URL) -> bool:
    """Each connection would have a database of its own."""
    file = url.database or ''
    memory = ':memory:' in file or url.query.get('mode') == 'memory'
    return not file or memory


def kind(url: sa.URL) -> str:
    """The family of the database: 'mysql' stands for MariaDB as well."""
    name = url.get_backend_name()
    return 'mysql' if name == 'mariadb' else name


def reading_engine(url: sa.URL, options: Options) -> sa.Engine:
    """Each statement is a transaction of its own: one round trip."""
    return _engine(
        url,
        options,
        isolation_level='AUTOCOMMIT',
        skip_autocommit_rollback=True,
    )


def writing_engine(url: sa.URL, options: Options) -> sa.Engine:
    """Use it with begin() only: nothing is rolled back on return."""
    if kind(url) == 'sqlite':
        engine = _engine(url, options)

        # A transaction that starts as a reader cannot wait for its turn to
        # write; one that starts as a writer can.
        @event.listens_for(engine, 'begin')
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql('BEGIN IMMEDIATE')

        return engine
    # Deletes of rows that are not there lock gaps under MariaDB's default.
    return _engine(url, options, isolation_level='READ COMMITTED')


def _engine(url: sa.URL, options: Options, **more: Any) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=options.pool_size,
        max_overflow=options.max_overflow,
        pool_timeout=options.pool_timeout,
        pool_recycle=options.pool_recycle,
        pool_reset_on_return=None,
        pool_use_lifo=True,
        # Statements are logged with their errors; what they store is not.
        hide_parameters=True,
        connect_args=_connect_args(url, options.answer_seconds),
        **more,
    )
    if prepare := _PREPARE[kind(url)](options):
        event.listen(engine, 'connect', prepare)
    event.listen(engine, 'handle_error', _mark_away)
    # What else register_engine() listens to is for savepoints, and costs
    # every statement and every return of a connection 12 us.
    event.listen(engine, 'handle_error', exc_filters.handler, retval=True)
    return engine


def _connect_args(url: sa.URL, answer_seconds: int | None) -> dict[str, Any]:
    match kind(url):
        case 'sqlite':
            return {'timeout': SQLITE_BUSY_SECONDS}
        case 'mysql':
            wanted = {
                'conv': _conversions(url.get_driver_name()),
                'charset': 'utf8mb4',
                'connect_timeout': CONNECT_SECONDS,
                'read_timeout': answer_seconds,
                'write_timeout': answer_seconds,
            }
        case _:
            wanted = {
                'client_encoding': 'utf8',
                'connect_timeout': CONNECT_SECONDS,
                'tcp_user_timeout': answer_seconds and answer_seconds * 1000,
                'keepalives_idle': answer_seconds,
                'options': answer_seconds
                and f'-c statement_timeout={answer_seconds}s',
            }
    return {
        key: value
        for key, value in wanted.items()
        if value is not None and key not in url.query
    }


def _conversions(driver: str) -> dict[int, Any] | None:
    """None: the driver's own, which for mysqlclient are slow with times."""
    if driver != 'mysqldb':
        return None
    constants = importlib.import_module('MySQLdb.constants.FIELD_TYPE')
    converters = importlib.import_module('MySQLdb.converters')
    times = {constants.DATETIME: datetime.datetime.fromisoformat}
    return {**converters.conversions, **times}


def _mark_away(context: sa.engine.ExceptionContext) -> None:
    """Have the pool drop its connections, and oslo.db say 'connection'."""
    error = context.original_exception
    if context.connection is None:
        dbapi = context.dialect.loaded_dbapi
        refused = isinstance(error, dbapi.OperationalError)
        away = refused and context.dialect.name != 'sqlite'
    elif context.dialect.name == 'postgresql':
        away = getattr(error, 'pgcode', None) in _POSTGRESQL_AWAY
    else:
        away = bool(error.args) and error.args[0] in _MYSQL_AWAY
    if away:
        context.is_disconnect = True


def _sqlite(options: Options) -> Prepare:
    def connected(connection: sqlite3.Connection, record: object) -> None:
        # The driver must neither begin nor end transactions by itself.
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute('PRAGMA synchronous = FULL')
        connection.execute('PRAGMA foreign_keys = ON')

    return connected


def _use_wal(connection: sqlite3.Connection) -> None:
    """Several processes may be the first: SQLite does not wait for this."""
    deadline = time.monotonic() + SQLITE_BUSY_SECONDS
    while True:
        try:
            connection.execute('PRAGMA journal_mode = WAL')
            return
        except sqlite3.OperationalError as error:
            if 'locked' not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _mysql(options: Options) -> Prepare:
    settings: dict[str, str | int | None] = {
        'sql_mode': options.mysql_sql_mode,
        'wsrep_sync_wait': options.mysql_wsrep_sync_wait,
    }
    wanted = {
        key: value for key, value in settings.items() if value is not None
    }

    def connected(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for name, value in wanted.items():
            cursor.execute(f'SET SESSION {name} = %s', (value,))
        cursor.close()

    return connected


def _postgresql(options: Options) -> None:
    """Nothing to set: the server's defaults are what is wanted."""


_PREPARE: dict[str, Callable[[Options], Prepare | None]] = {
    'sqlite': _sqlite,
    'mysql': _mysql,
    'postgresql': _postgresql,
}
