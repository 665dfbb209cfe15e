# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.db import settings_suite


class TestSettings(settings_suite.Settings):
    pass
