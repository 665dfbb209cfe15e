# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.db import stores_suite


class TestStores(stores_suite.SecretStores):
    pass


class TestTransportKeys(stores_suite.TransportKeys):
    pass
