# SPDX-License-Identifier: Apache-2.0
"""What is true of an embedded conductor is true of a remote one."""

from secretstore.tests.unit.api import (
    test_acls,
    test_consumers,
    test_containers,
    test_lists,
    test_payloads,
    test_quotas,
    test_sealed_payloads,
    test_secret_metadata,
    test_secret_stores,
    test_transport_keys,
)
from secretstore.tests.unit.conductor import (
    test_container_consumers,
    test_orders,
    test_secrets,
)
from secretstore.tests.unit.rpc.base import Remote

for _base in (
    test_acls.AclsTest,
    test_consumers.SecretConsumersTest,
    test_consumers.ContainerConsumersTest,
    test_containers.ContainersTest,
    test_lists.ListTest,
    test_payloads.PayloadGetTest,
    test_payloads.PutPayloadTest,
    test_quotas.QuotasTest,
    test_sealed_payloads.PutTest,
    test_sealed_payloads.PostTest,
    test_secret_metadata.SecretMetadataTest,
    test_secret_stores.OneStoreTest,
    test_secret_stores.TwoStoresTest,
    test_transport_keys.KeysTest,
    test_container_consumers.ContainerConsumersTest,
    test_orders.TestKeys,
    test_orders.TestPairs,
    test_secrets.SecretsTest,
    test_secrets.CorruptTest,
):
    _name = f'{_base.__module__.rpartition(".")[2]}_{_base.__name__}'
    globals()[_name] = type(_name, (Remote, _base), {'__module__': __name__})
del _base
