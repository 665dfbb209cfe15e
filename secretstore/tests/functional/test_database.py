# SPDX-License-Identifier: Apache-2.0
"""The suites of the database on real servers, and what only those do."""

from secretstore.db import secrets
from secretstore.tests.functional import databases
from secretstore.tests.unit.db import (
    base,
    keys_suite,
    paging_suite,
    secrets_suite,
)


class TestSecretsOnMariaDB(databases.MariaDB, secrets_suite.Secrets):
    pass


class TestSecretsTogetherOnMariaDB(
    databases.MariaDB, secrets_suite.SecretsTogether
):
    pass


class TestPagesOnMariaDB(databases.MariaDB, paging_suite.Pages):
    pass


class TestFiltersAndSortOnMariaDB(
    databases.MariaDB, paging_suite.FiltersAndSort
):
    pass


class TestPagesOfBusyProjectOnMariaDB(
    databases.MariaDB, paging_suite.PagesOfBusyProject
):
    pass


class TestKeysOnMariaDB(databases.MariaDB, keys_suite.Keys):
    pass


class TestMetadataOnMariaDB(databases.MariaDB, keys_suite.Metadata):
    pass


class TestSecretsOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, secrets_suite.Secrets
):
    pass


class TestSecretsTogetherOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, secrets_suite.SecretsTogether
):
    pass


class TestPagesOnMariaDBPyMySQL(databases.MariaDBPyMySQL, paging_suite.Pages):
    pass


class TestFiltersAndSortOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, paging_suite.FiltersAndSort
):
    pass


class TestPagesOfBusyProjectOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, paging_suite.PagesOfBusyProject
):
    pass


class TestKeysOnMariaDBPyMySQL(databases.MariaDBPyMySQL, keys_suite.Keys):
    pass


class TestMetadataOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, keys_suite.Metadata
):
    pass


class TestSecretsOnPostgreSQL(databases.PostgreSQL, secrets_suite.Secrets):
    pass


class TestSecretsTogetherOnPostgreSQL(
    databases.PostgreSQL, secrets_suite.SecretsTogether
):
    pass


class TestPagesOnPostgreSQL(databases.PostgreSQL, paging_suite.Pages):
    pass


class TestFiltersAndSortOnPostgreSQL(
    databases.PostgreSQL, paging_suite.FiltersAndSort
):
    pass


class TestPagesOfBusyProjectOnPostgreSQL(
    databases.PostgreSQL, paging_suite.PagesOfBusyProject
):
    pass


class TestKeysOnPostgreSQL(databases.PostgreSQL, keys_suite.Keys):
    pass


class TestMetadataOnPostgreSQL(databases.PostgreSQL, keys_suite.Metadata):
    pass


class TestNamesOnMariaDBLatin(
    databases.MariaDBLatin, paging_suite.FiltersAndSort
):
    pass


class TestPlansOfMariaDB(databases.MariaDB):
    """How many index entries a page costs, by the server's own count."""

    COUNT = 3000

    def setUp(self) -> None:
        super().setUp()
        self.rows = [
            base.secret(
                name=f'name-{number}',
                created_at=base.NOW + base.SECOND * number,
            )
            for number in range(self.COUNT)
        ]
        self.store(*self.rows)
        with self.database.reading() as conn:
            conn.exec_driver_sql('ANALYZE TABLE secrets').all()

    def _touched(self, page: secrets.Page, **filters: str) -> int:
        with self.database.reading() as conn:
            conn.exec_driver_sql('FLUSH STATUS')
            _, total = secrets.page(
                conn,
                base.PROJECT,
                secrets.Filters(**filters),  # type: ignore[arg-type]
                page,
                base.NOW,
            )
            status = conn.exec_driver_sql(
                "SHOW SESSION STATUS LIKE 'Handler_read%%'"
            )
            return sum(int(row[1]) for row in status)

    def test_first_page(self) -> None:
        self.assertLess(self._touched(secrets.Page(10)), 50)

    def test_marker(self) -> None:
        for position in (10, self.COUNT // 2, self.COUNT - 20):
            marker = self.rows[position].id
            page = secrets.Page(10, position + 1, marker=marker)
            self.assertLess(self._touched(page), 50, position)

    def test_offset_from_the_nearer_end(self) -> None:
        near = self._touched(secrets.Page(10, 100))
        self.assertLess(near, 250)
        self.assertLess(self._touched(secrets.Page(10, 2900)), 250)

    def test_name(self) -> None:
        self.assertLess(self._touched(secrets.Page(10), name='name-77'), 50)

    def test_list_needs_no_sort(self) -> None:
        with self.database.reading() as conn:
            with base.statements(conn) as seen:
                secrets.page(
                    conn,
                    base.PROJECT,
                    secrets.Filters(),
                    secrets.Page(10),
                    base.NOW,
                )
            statement, parameters = seen[0]
            plan = conn.exec_driver_sql(
                'EXPLAIN ' + statement, parameters
            ).all()
        self.assertIn('ix_secrets_page', str(plan))
        self.assertNotIn('filesort', str(plan))
