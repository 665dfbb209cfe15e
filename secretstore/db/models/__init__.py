# SPDX-License-Identifier: Apache-2.0
"""The tables. Rows are read and written as tuples, never as objects."""

from secretstore.db.models.base import Base as Base
from secretstore.db.models.base import Bytes as Bytes
from secretstore.db.models.base import Id as Id
from secretstore.db.models.base import Time as Time
from secretstore.db.models.base import table as table
from secretstore.db.models.containers import Container as Container
from secretstore.db.models.containers import (
    ContainerAclUser as ContainerAclUser,
)
from secretstore.db.models.containers import (
    ContainerConsumer as ContainerConsumer,
)
from secretstore.db.models.containers import ContainerSecret as ContainerSecret
from secretstore.db.models.keys import MasterKey as MasterKey
from secretstore.db.models.keys import ProjectKey as ProjectKey
from secretstore.db.models.keys import TransportKey as TransportKey
from secretstore.db.models.named_keys import NamedKey as NamedKey
from secretstore.db.models.orders import Order as Order
from secretstore.db.models.projects import ProjectQuota as ProjectQuota
from secretstore.db.models.projects import (
    ProjectSecretStore as ProjectSecretStore,
)
from secretstore.db.models.projects import ProjectUsage as ProjectUsage
from secretstore.db.models.projects import SecretStore as SecretStore
from secretstore.db.models.secrets import Secret as Secret
from secretstore.db.models.secrets import SecretAclUser as SecretAclUser
from secretstore.db.models.secrets import SecretConsumer as SecretConsumer
from secretstore.db.models.secrets import SecretMetadatum as SecretMetadatum
from secretstore.db.models.secrets import SecretPayload as SecretPayload
from secretstore.db.models.settings import Setting as Setting
