# SPDX-License-Identifier: Apache-2.0
"""Migrations, walked on every kind of database."""

import datetime
import multiprocessing
import re
import uuid

from alembic import autogenerate, script
from alembic.runtime import migration as alembic_migration
from oslo_db import exception as db_exc
import sqlalchemy as sa
from sqlalchemy import event

from secretstore import errors
from secretstore.db import keys, migration, models
from secretstore.db.engine import Database
from secretstore.tests.functional import base


def _upgrade(url: str) -> None:
    migration.upgrade(url)
    migration.check(url)


def _revisions() -> list[str]:
    scripts = script.ScriptDirectory(str(migration.MIGRATIONS))
    return [found.revision for found in scripts.walk_revisions()][::-1]


def _set_version(database: Database, version: str) -> None:
    with database.writing() as conn:
        conn.exec_driver_sql(
            f"UPDATE alembic_version SET version_num = '{version}'"  # noqa: S608
        )


class _Stopped(Exception):
    pass


def _stop_after(url: str, statements: int) -> None:
    """Begin an upgrade, and end before so many tables were changed."""
    left = statements

    def count(
        conn: object,
        cursor: object,
        statement: str,
        parameters: object,
        context: object,
        executemany: bool,
    ) -> None:
        nonlocal left
        if statement.lstrip().startswith(('CREATE', 'ALTER')):
            left -= 1
            if left == -1:
                raise _Stopped

    event.listen(sa.Engine, 'before_cursor_execute', count)
    try:
        migration.upgrade(url)
    except _Stopped:
        return
    finally:
        event.remove(sa.Engine, 'before_cursor_execute', count)
    raise AssertionError(f'the upgrade has at most {statements} statements')


class TestMigrations(base.FunctionalTest):
    def _each(self, test: object) -> None:
        for kind in base.DATABASES:
            with self.subTest(kind):
                test(self.new_database(kind))  # type: ignore[operator]

    def test_walked_up(self) -> None:
        self._each(self._walk)

    def _walk(self, url: str) -> None:
        self.assertIsNone(migration.version(url))
        for revision in _revisions():
            migration.upgrade(url, revision)
            self.assertEqual(revision, migration.version(url))
        self.assertEqual(migration.head(), migration.version(url))

    def test_interrupted_upgrades_go_on(self) -> None:
        """MariaDB commits each statement of one."""
        url = self.new_database('mariadb')
        first = _revisions()[0]
        migration.upgrade(url, first)
        for statements in (2, 6, 9, 13, 18, 25, 30):
            with self.subTest(statements):
                _stop_after(url, statements)
                self.assertEqual(first, migration.version(url))
        self._compare(url)

    def test_one_line_of_revisions(self) -> None:
        scripts = script.ScriptDirectory(str(migration.MIGRATIONS))
        self.assertEqual([migration.head()], scripts.get_heads())

    def test_models_are_what_migrations_make(self) -> None:
        self._each(self._compare)

    def _compare(self, url: str) -> None:
        database = Database(url)
        self.addCleanup(database.dispose)
        migration.upgrade(database)
        with database.reading() as conn:
            context = alembic_migration.MigrationContext.configure(
                conn, opts={'compare_type': True}
            )
            differences = autogenerate.compare_metadata(
                context, models.Base.metadata
            )
            self.assertEqual([], differences)
            self._compare_keys(conn)

    def _compare_keys(self, conn: sa.Connection) -> None:
        """What alembic does not look at."""
        found = sa.inspect(conn)
        for table in models.Base.metadata.sorted_tables:
            key = found.get_pk_constraint(table.name)
            self.assertEqual(
                [column.name for column in table.primary_key],
                key['constrained_columns'],
            )
            rules = {
                foreign['constrained_columns'][0]: foreign['options']
                for foreign in found.get_foreign_keys(table.name)
            }
            for foreign in table.foreign_keys:
                # MariaDB leaves out RESTRICT, which is its default, others
                # NO ACTION, which is theirs.
                rule = rules[foreign.parent.name].get('ondelete', 'RESTRICT')
                self.assertEqual(foreign.ondelete or 'RESTRICT', rule)

    def test_keys_are_kept(self) -> None:
        """On SQLite their tables are copied on the way."""
        self._each(self._keep_keys)

    def _keep_keys(self, url: str) -> None:
        migration.upgrade(url, '2026_11_initial')
        database = Database(url)
        self.addCleanup(database.dispose)
        now = datetime.datetime(2026, 11, 22, 12, 30, 15, 123456)
        master = keys.MasterKeyRow(
            str(uuid.uuid4()), 's', 'r', b'\0', True, now, None
        )
        used = keys.ProjectKeyRow(
            str(uuid.uuid4()), 'p', master.id, b'\0\xff', True, now
        )
        with database.writing() as conn:
            for model, row in (
                (models.MasterKey, master),
                (models.ProjectKey, used),
            ):
                # Columns that came later have no value.
                known = row._asdict().items()
                values = {name: value for name, value in known if value}
                conn.execute(sa.insert(models.table(model)), values)
        migration.upgrade(database)
        with database.writing() as conn:
            self.assertEqual([master], keys.master_keys(conn))
            self.assertEqual(used, keys.project_key_in_use(conn, 'p'))
            keys.add_master_key(
                conn, master._replace(id=str(uuid.uuid4()), strategy='t')
            )
        for again in (master, used):
            with self.assertRaises(db_exc.DBDuplicateEntry):
                with database.writing() as conn:
                    again = again._replace(id=str(uuid.uuid4()))
                    if isinstance(again, keys.MasterKeyRow):
                        keys.add_master_key(conn, again)
                    else:
                        keys.add_project_key(conn, again)

    def test_check(self) -> None:
        self._each(self._check)

    def _check(self, url: str) -> None:
        with self.assertRaisesRegex(errors.StartupError, 'empty.*db upgrade'):
            migration.check(url)
        migration.upgrade(url)
        migration.check(url)
        database = Database(url)
        self.addCleanup(database.dispose)
        _set_version(database, '2020_old')
        with self.assertRaisesRegex(errors.StartupError, 'at 2020_old'):
            migration.check(url)
        # While the next release is rolled out, this one goes on.
        _set_version(database, '2999_later')
        with self.assertLogs('secretstore.db', 'WARNING'):
            migration.check(url)
        with self.assertRaisesRegex(errors.StartupError, '2999_later'):
            migration.upgrade(url)

    def test_several_at_once(self) -> None:
        self._each(self._several)

    def _several(self, url: str) -> None:
        spawn = multiprocessing.get_context('spawn')
        others = [
            spawn.Process(target=_upgrade, args=(url,)) for _ in range(4)
        ]
        for other in others:
            other.start()
        for other in others:
            other.join(60)
        self.assertEqual([0] * 4, [other.exitcode for other in others])
        migration.check(url)

    def test_collations_of_mariadb(self) -> None:
        url = self.new_database('mariadb')
        migration.upgrade(url)
        database = Database(url)
        self.addCleanup(database.dispose)
        with database.reading() as conn:
            rows = conn.exec_driver_sql(
                'SELECT table_name, column_name, collation_name'
                ' FROM information_schema.columns'
                ' WHERE table_schema = DATABASE()'
                " AND table_name != 'alembic_version'"
                ' AND collation_name IS NOT NULL'
            ).all()
        # Ids of our own making and digests; those of others are any text.
        foreign = (
            *('project_id', 'creator_id', 'user_id'),
            *('resource_id', 'object_id'),
        )
        for table, column, collation in rows:
            own = re.search('(^|_)id$|^digest$', column)
            ascii_only = own and column not in foreign
            expected = 'ascii_bin' if ascii_only else 'utf8mb4_bin'
            self.assertEqual(expected, collation, (table, column))
