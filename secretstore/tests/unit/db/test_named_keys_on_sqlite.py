# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.db import named_keys_suite


class TestNamedKeys(named_keys_suite.NamedKeys):
    pass
