# SPDX-License-Identifier: Apache-2.0
"""Quotas on real servers."""

from secretstore.tests.functional import databases
from secretstore.tests.unit.db import quotas_suite


class TestQuotasOnMariaDB(databases.MariaDB, quotas_suite.Quotas):
    pass


class TestQuotasTogetherOnMariaDB(
    databases.MariaDB, quotas_suite.QuotasTogether
):
    pass


class TestQuotasOnPostgreSQL(databases.PostgreSQL, quotas_suite.Quotas):
    pass


class TestQuotasTogetherOnPostgreSQL(
    databases.PostgreSQL, quotas_suite.QuotasTogether
):
    pass
