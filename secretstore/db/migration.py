# SPDX-License-Identifier: Apache-2.0
"""Bring a database to the schema that this release needs."""

from collections.abc import Iterator
import contextlib
import logging
import pathlib

from alembic import command, config, script
from alembic.runtime import migration
import sqlalchemy as sa

from secretstore import errors
from secretstore.db.engine import Database, retried

LOG = logging.getLogger(__name__)

MIGRATIONS = pathlib.Path(__file__).parent / 'migrations'


def upgrade(database: Database | str, revision: str = 'head') -> None:
    """Migrate up to revision; of callers at a time each waits its turn."""
    with _opened(database) as opened:
        _refuse_unknown(_version(opened))
        _upgrade(opened, revision)


def version(database: Database | str) -> str | None:
    """The revision the database is at; None when it is empty."""
    with _opened(database) as opened:
        return _version(opened)


def head() -> str:
    """The revision that this release needs."""
    found = script.ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert found is not None  # noqa: S101
    return found


def check(database: Database | str) -> None:
    """Raise StartupError unless the schema is the one this release needs."""
    found = version(database)
    needed = head()
    if found is not None and found > needed:
        # Revisions begin with their date. Migrations only add, so that the
        # processes of this release go on while the next one is rolled out.
        LOG.warning(
            'The database schema is at %s, of a later release than this',
            found,
        )
        return
    if found != needed:
        state = 'empty' if found is None else f'at {found}'
        raise errors.StartupError(
            f'database schema is {state}, this release needs {needed}: '
            'run secretstore-manage db upgrade'
        )


def _refuse_unknown(found: str | None) -> None:
    """Alembic cannot go anywhere from a revision of a later release."""
    known = [
        revision.revision
        for revision in script.ScriptDirectory(
            str(MIGRATIONS)
        ).walk_revisions()
    ]
    if found is not None and found not in known:
        raise errors.StartupError(
            f'database schema is at {found}, which this release does not '
            'know: run a later release of secretstore'
        )


@retried
def _version(database: Database) -> str | None:
    with database.reading() as connection:
        context = migration.MigrationContext.configure(connection)
        return context.get_current_revision()


@retried
def _upgrade(database: Database, revision: str) -> None:
    with _alone(database), database.writing() as connection:
        settings = config.Config()
        settings.set_main_option('script_location', str(MIGRATIONS))
        settings.attributes['connection'] = connection
        command.upgrade(settings, revision)


@contextlib.contextmanager
def _opened(database: Database | str) -> Iterator[Database]:
    if isinstance(database, Database):
        yield database
        return
    opened = Database(database)
    try:
        yield opened
    finally:
        opened.dispose()


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Hold the lock of migrations.

    It is another connection's: MariaDB ends the transaction of a statement
    that changes a table, so the writing one could not keep it to the end.
    """
    if database.dialect == 'sqlite':
        # Its writing transaction is exclusive, tables included.
        yield
        return
    lock, unlock = _LOCKS[database.dialect]
    with database.reading() as connection:
        if not connection.execute(lock).scalar_one():
            raise errors.DatabaseUnavailable(
                'Another upgrade of the database does not end'
            )
        try:
            yield
        finally:
            connection.execute(unlock)


# PostgreSQL's lock is the database's own, MariaDB's is the server's.
_LOCKS = {
    'postgresql': (
        sa.text("SELECT 1 FROM pg_advisory_lock(hashtext('secretstore'))"),
        sa.text("SELECT pg_advisory_unlock(hashtext('secretstore'))"),
    ),
    'mysql': (
        sa.text(
            "SELECT GET_LOCK(CONCAT('secretstore-', MD5(DATABASE())), 600)"
        ),
        sa.text(
            "SELECT RELEASE_LOCK(CONCAT('secretstore-', MD5(DATABASE())))"
        ),
    ),
}
