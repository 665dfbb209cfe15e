# SPDX-License-Identifier: Apache-2.0
"""Orders on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import orders_suite


class TestOrdersOnMariaDB(databases.MariaDB, orders_suite.Orders):
    pass


class TestClaimsOnMariaDB(databases.MariaDB, orders_suite.Claims):
    pass


class TestOrdersTogetherOnMariaDB(
    databases.MariaDB, orders_suite.OrdersTogether
):
    pass


class TestOrdersOnPostgreSQL(databases.PostgreSQL, orders_suite.Orders):
    pass


class TestClaimsOnPostgreSQL(databases.PostgreSQL, orders_suite.Claims):
    pass


class TestOrdersTogetherOnPostgreSQL(
    databases.PostgreSQL, orders_suite.OrdersTogether
):
    pass
