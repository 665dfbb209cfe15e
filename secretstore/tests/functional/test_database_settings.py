# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.functional import databases
from secretstore.tests.unit.db import settings_suite


class TestSettingsOnMariaDB(databases.MariaDB, settings_suite.Settings):
    pass


class TestSettingsOnPostgreSQL(databases.PostgreSQL, settings_suite.Settings):
    pass
