# SPDX-License-Identifier: Apache-2.0
"""The suites of containers on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import (
    containers_suite,
    containers_together_suite,
)


class TestContainersOnMariaDB(databases.MariaDB, containers_suite.Containers):
    pass


class TestContainersTogetherOnMariaDB(
    databases.MariaDB, containers_together_suite.ContainersTogether
):
    pass


class TestContainersOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, containers_suite.Containers
):
    pass


class TestContainersOnPostgreSQL(
    databases.PostgreSQL, containers_suite.Containers
):
    pass


class TestContainersTogetherOnPostgreSQL(
    databases.PostgreSQL, containers_together_suite.ContainersTogether
):
    pass
