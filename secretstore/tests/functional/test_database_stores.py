# SPDX-License-Identifier: Apache-2.0
"""Secret stores and transport keys on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import stores_suite


class TestStoresOnMariaDB(databases.MariaDB, stores_suite.SecretStores):
    pass


class TestTransportKeysOnMariaDB(
    databases.MariaDB, stores_suite.TransportKeys
):
    pass


class TestStoresOnPostgreSQL(databases.PostgreSQL, stores_suite.SecretStores):
    pass


class TestTransportKeysOnPostgreSQL(
    databases.PostgreSQL, stores_suite.TransportKeys
):
    pass
