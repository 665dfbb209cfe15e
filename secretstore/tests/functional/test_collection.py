# SPDX-License-Identifier: Apache-2.0
"""The suite of collection and purge on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.conductor import collection_suite


class TestCollectionsOnMariaDB(
    databases.MariaDB, collection_suite.Collections
):
    pass


class TestPurgesOnMariaDB(databases.MariaDB, collection_suite.Purges):
    pass


class TestCollectionsOnPostgreSQL(
    databases.PostgreSQL, collection_suite.Collections
):
    pass


class TestPurgesOnPostgreSQL(databases.PostgreSQL, collection_suite.Purges):
    pass
