# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.functional import databases
from secretstore.tests.unit.db import named_keys_suite


class TestNamedKeysOnMariaDB(databases.MariaDB, named_keys_suite.NamedKeys):
    pass


class TestNamedKeysOnMariaDBPyMySQL(
    databases.MariaDBPyMySQL, named_keys_suite.NamedKeys
):
    pass


class TestNamedKeysOnPostgreSQL(
    databases.PostgreSQL, named_keys_suite.NamedKeys
):
    pass
