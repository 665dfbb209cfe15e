# SPDX-License-Identifier: Apache-2.0
"""What a conductor does for others, one Protocol per resource.

The conductor's managers implement these, and so does every client, so that
an embedded and a remote conductor are the same call.  Arguments and results
are plain data.  All methods raise :mod:`secretstore.errors`:
``Forbidden`` when policy refuses, ``NotFound`` for what does not exist or
has expired, ``QuotaReached`` for one more than the project, or the object
that it would belong to, may have, ``Unavailable`` when trying again later
may help.
"""

from typing import NamedTuple

from secretstore.rpc.interface.acls import (
    Acls,
    AclView,
    NewAcl,
)
from secretstore.rpc.interface.common import (
    Health,
    Page,
    PageQuery,
)
from secretstore.rpc.interface.containers import (
    ContainerConsumers,
    ContainerConsumerView,
    ContainerQuery,
    Containers,
    ContainerSecret,
    ContainerView,
    NewContainer,
    NewContainerConsumer,
)
from secretstore.rpc.interface.master_keys import (
    MasterKeyProgress,
    MasterKeys,
    MasterKeyView,
    ProjectKeys,
    ProjectKeyView,
)
from secretstore.rpc.interface.named_keys import (
    BackupKeys,
    NamedKeyEntry,
    NamedKeyView,
    ReplicationUserKeys,
)
from secretstore.rpc.interface.orders import (
    MAX_PASS_PHRASE,
    NewOrder,
    OrderQuery,
    Orders,
    OrderStatus,
    OrderType,
    OrderView,
)
from secretstore.rpc.interface.projects import (
    ProjectQuotas,
    QuotaLimits,
    Quotas,
    SecretStores,
    SecretStoreView,
)
from secretstore.rpc.interface.secrets import (
    NewSecret,
    NewSecretConsumer,
    Payload,
    SecretConsumers,
    SecretConsumerView,
    SecretMetadata,
    SecretQuery,
    Secrets,
    SecretView,
    TimeFilter,
    TimeOperator,
)
from secretstore.rpc.interface.transport import (
    SEALED_OVERHEAD,
    NewTransportKey,
    TransportKeyQuery,
    TransportKeys,
    TransportKeyView,
)
from secretstore.rpc.interface.version import (
    FIRST_VERSION,
    VERSION,
    versions_until,
)

__all__ = [
    'FIRST_VERSION',
    'MAX_PASS_PHRASE',
    'SEALED_OVERHEAD',
    'VERSION',
    'AclView',
    'Acls',
    'BackupKeys',
    'Conductor',
    'ContainerConsumerView',
    'ContainerConsumers',
    'ContainerQuery',
    'ContainerSecret',
    'ContainerView',
    'Containers',
    'Health',
    'NamedKeyEntry',
    'NamedKeyView',
    'MasterKeyProgress',
    'MasterKeyView',
    'MasterKeys',
    'NewAcl',
    'NewContainer',
    'NewContainerConsumer',
    'NewOrder',
    'NewSecret',
    'NewSecretConsumer',
    'NewTransportKey',
    'OrderQuery',
    'OrderStatus',
    'OrderType',
    'OrderView',
    'Orders',
    'Page',
    'PageQuery',
    'Payload',
    'ProjectKeyView',
    'ProjectKeys',
    'ProjectQuotas',
    'QuotaLimits',
    'Quotas',
    'ReplicationUserKeys',
    'SecretConsumerView',
    'SecretConsumers',
    'SecretMetadata',
    'SecretQuery',
    'SecretStoreView',
    'SecretStores',
    'SecretView',
    'Secrets',
    'TimeFilter',
    'TimeOperator',
    'TransportKeyQuery',
    'TransportKeyView',
    'TransportKeys',
    'versions_until',
]


class Conductor(NamedTuple):
    """All resources of one conductor, embedded or remote."""

    secrets: Secrets
    secret_metadata: SecretMetadata
    secret_consumers: SecretConsumers
    secret_acls: Acls
    containers: Containers
    container_consumers: ContainerConsumers
    container_acls: Acls
    orders: Orders
    quotas: Quotas
    secret_stores: SecretStores
    transport_keys: TransportKeys
    backup_keys: BackupKeys
    replication_user_keys: ReplicationUserKeys
    master_keys: MasterKeys
    project_keys: ProjectKeys
    health: Health
