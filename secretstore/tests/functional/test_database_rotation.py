# SPDX-License-Identifier: Apache-2.0
"""Keys that are replaced and moved, on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import rotation_suite


class TestRotationOnMariaDB(databases.MariaDB, rotation_suite.Rotation):
    pass


class TestRotationOnPostgreSQL(databases.PostgreSQL, rotation_suite.Rotation):
    pass
