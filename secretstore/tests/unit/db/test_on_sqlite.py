# SPDX-License-Identifier: Apache-2.0
"""The suites of this package on SQLite files."""

from secretstore.tests.unit.db import (
    acls_suite,
    consumers_suite,
    keys_suite,
    orders_suite,
    paging_suite,
    quotas_suite,
    secrets_suite,
)


class TestSecrets(secrets_suite.Secrets):
    pass


class TestSecretsTogether(secrets_suite.SecretsTogether):
    pass


class TestPages(paging_suite.Pages):
    pass


class TestFiltersAndSort(paging_suite.FiltersAndSort):
    pass


class TestPagesOfBusyProject(paging_suite.PagesOfBusyProject):
    pass


class TestKeys(keys_suite.Keys):
    pass


class TestMetadata(keys_suite.Metadata):
    pass


class TestConsumers(consumers_suite.Consumers):
    pass


class TestConsumersOfContainers(consumers_suite.ConsumersOfContainers):
    pass


class TestQuotas(quotas_suite.Quotas):
    pass


class TestQuotasTogether(quotas_suite.QuotasTogether):
    pass


class TestAcls(acls_suite.AclsOfSecrets):
    pass


class TestAclsOfContainers(acls_suite.AclsOfContainers):
    pass


class TestAclsTogether(acls_suite.AclsTogether):
    pass


class TestOrders(orders_suite.Orders):
    pass


class TestClaims(orders_suite.Claims):
    pass


class TestOrdersTogether(orders_suite.OrdersTogether):
    pass
