# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.db import rotation_suite


class TestRotation(rotation_suite.Rotation):
    pass
