# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.db import project_rotation_suite, rotation_suite


class TestRotation(rotation_suite.Rotation):
    pass


class TestProjectRotation(project_rotation_suite.ProjectRotation):
    pass
