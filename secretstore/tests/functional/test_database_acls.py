# SPDX-License-Identifier: Apache-2.0
"""The suites of access lists on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import acls_suite


class TestAclsOnMariaDB(databases.MariaDB, acls_suite.AclsOfSecrets):
    pass


class TestAclsOfContainersOnMariaDB(
    databases.MariaDB, acls_suite.AclsOfContainers
):
    pass


class TestAclsTogetherOnMariaDB(databases.MariaDB, acls_suite.AclsTogether):
    pass


class TestAclsOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, acls_suite.AclsOfSecrets
):
    pass


class TestAclsOfContainersOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, acls_suite.AclsOfContainers
):
    pass


class TestAclsTogetherOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, acls_suite.AclsTogether
):
    pass


class TestAclsOnPostgreSQL(databases.PostgreSQL, acls_suite.AclsOfSecrets):
    pass


class TestAclsOfContainersOnPostgreSQL(
    databases.PostgreSQL, acls_suite.AclsOfContainers
):
    pass


class TestAclsTogetherOnPostgreSQL(
    databases.PostgreSQL, acls_suite.AclsTogether
):
    pass
