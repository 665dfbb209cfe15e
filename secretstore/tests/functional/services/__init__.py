# SPDX-License-Identifier: Apache-2.0
"""The real servers that functional tests run against.

mariadb(), postgresql(), memcached(), keystone(), barbican(), secretstore()
(under uWSGI, with Keystone and MariaDB) and standalone() give the running
one that all tests of the process share. The classes in the modules start
private ones, on a free port with a throw-away folder each. A program that is
not installed skips the test, or fails it when CI=true or
SECRETSTORE_TESTS_STRICT=1.
"""

from secretstore.tests.functional.services.shared import (
    Database,
    barbican,
    keystone,
    mariadb,
    memcached,
    postgresql,
    secretstore,
    standalone,
)

__all__ = [
    'Database',
    'barbican',
    'keystone',
    'mariadb',
    'memcached',
    'postgresql',
    'secretstore',
    'standalone',
]
