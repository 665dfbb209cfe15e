# SPDX-License-Identifier: Apache-2.0
"""The suites of consumers on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.conductor import consumers_suite as together
from secretstore.tests.unit.db import consumers_suite


class TestConsumersOnMariaDB(databases.MariaDB, consumers_suite.Consumers):
    pass


class TestConsumersOfContainersOnMariaDB(
    databases.MariaDB, consumers_suite.ConsumersOfContainers
):
    pass


class TestConsumersTogetherOnMariaDB(
    databases.MariaDB, together.ConsumersTogether
):
    pass


class TestConsumersOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, consumers_suite.Consumers
):
    pass


class TestConsumersOfContainersOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, consumers_suite.ConsumersOfContainers
):
    pass


class TestConsumersTogetherOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, together.ConsumersTogether
):
    pass


class TestConsumersOnPostgreSQL(
    databases.PostgreSQL, consumers_suite.Consumers
):
    pass


class TestConsumersOfContainersOnPostgreSQL(
    databases.PostgreSQL, consumers_suite.ConsumersOfContainers
):
    pass


class TestConsumersTogetherOnPostgreSQL(
    databases.PostgreSQL, together.ConsumersTogether
):
    pass
