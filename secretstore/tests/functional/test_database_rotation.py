# SPDX-License-Identifier: Apache-2.0
"""Keys that are replaced and moved, on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import project_rotation_suite, rotation_suite


class TestRotationOnMariaDB(databases.MariaDB, rotation_suite.Rotation):
    pass


class TestRotationOnPostgreSQL(databases.PostgreSQL, rotation_suite.Rotation):
    pass


class TestProjectRotationOnMariaDB(
    databases.MariaDB, project_rotation_suite.ProjectRotation
):
    pass


class TestProjectRotationOnPostgreSQL(
    databases.PostgreSQL, project_rotation_suite.ProjectRotation
):
    pass
