# SPDX-License-Identifier: Apache-2.0
"""A conductor in this process: its parts, built and started in order."""

from typing import NamedTuple

from oslo_config import cfg
from oslo_log import log as logging
import sqlalchemy

from secretstore.conductor import acls, quotas, rewrapping
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.background import Background
from secretstore.conductor.collection import Collector
from secretstore.conductor.container_consumers import ContainerConsumerManager
from secretstore.conductor.containers import ContainerManager
from secretstore.conductor.master_keys import (
    MasterKeyManager,
    ProjectKeyManager,
)
from secretstore.conductor.named_keys import (
    BackupKeyManager,
    ReplicationUserKeyManager,
)
from secretstore.conductor.order_counts import OrderCounts
from secretstore.conductor.order_jobs import OrderJobs
from secretstore.conductor.orders import OrderManager
from secretstore.conductor.secret_consumers import SecretConsumerManager
from secretstore.conductor.secret_metadata import SecretMetadataManager
from secretstore.conductor.secret_stores import SecretStoreManager
from secretstore.conductor.secrets import SecretManager
from secretstore.conductor.transport_keys import TransportKeyManager
from secretstore.db import migration
from secretstore.db.engine import Database, retried
from secretstore.keys import kept
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.keys.memory import KeyMemory
from secretstore.keys.rotation import Rotation
from secretstore.rpc.interface import Conductor
from secretstore.security import load

LOG = logging.getLogger(__name__)


class HealthManager:
    """Implements :class:`secretstore.rpc.interface.Health`."""

    def __init__(self, database: Database, keys: KeyHierarchy) -> None:
        self._database = database
        self._keys = keys

    @retried
    def check(self) -> None:
        with self._database.reading() as connection:
            connection.execute(sqlalchemy.select(1))
        self._keys.check()


def key_hierarchy(conf: cfg.ConfigOpts, database: Database) -> KeyHierarchy:
    """The hierarchy that the options describe, not yet started."""
    return KeyHierarchy(
        database,
        load.strategies(conf),
        conf.security_strategy,
        cache_ttl=conf.conductor.key_cache_ttl,
        cache_size=conf.conductor.key_cache_size,
    )


class Embedded(NamedTuple):
    """A conductor, and what it does by itself once that is started."""

    conductor: Conductor
    background: Background
    keys: KeyHierarchy

    def stop(self) -> None:
        """End what it does by itself, forget keys, let custodians go."""
        self.background.stop()
        self.keys.stop()


def start_embedded(conf: cfg.ConfigOpts) -> Conductor:
    """Build a conductor, and start what it does by itself."""
    embedded = build(conf)
    embedded.background.start()
    return embedded.conductor


def build(conf: cfg.ConfigOpts) -> Embedded:
    """Open the database and the keys; StartupError when either is wrong.

    No database connection stays open, so a server may fork afterwards.
    """
    database = Database.from_conf(conf)
    migration.check(database)
    KeyMemory(database, conf.conductor.key_cache_ttl).tell()
    keys = key_hierarchy(conf, database)
    keys.start()
    for line in kept.not_enabled(database, keys.master_keys.enabled):
        LOG.warning('%s', line)
    jobs = OrderJobs(database, keys, quotas.configured(conf), conf)
    tasks = [
        Collector(database, conf).task(),
        jobs.task(),
        rewrapping.Rewrapping(database, keys, conf).task(),
        rewrapping.Resealing(database, keys, conf).task(),
    ]
    if conf.metrics.listen:
        tasks.append(OrderCounts(database, conf).task())
    background = Background(tasks)
    conductor = _conductor(conf, database, keys, jobs, background)
    database.dispose()
    return Embedded(conductor, background, keys)


def _conductor(
    conf: cfg.ConfigOpts,
    database: Database,
    keys: KeyHierarchy,
    jobs: OrderJobs,
    background: Background,
) -> Conductor:
    authorization = Authorization(conf)
    limits = quotas.configured(conf)
    keyed = (database, keys, authorization)
    transport_keys = TransportKeyManager(*keyed, conf)
    limited = (database, authorization, limits)
    consumers = conf.limits.consumers_per_object
    named = conf.limits.named_keys_per_project
    most, budget = conf.limits, conf.orders.asymmetric_budget
    return Conductor(
        secrets=SecretManager(*keyed, limits, transport_keys),
        secret_metadata=SecretMetadataManager(
            database, authorization, most.metadata_per_secret
        ),
        secret_consumers=SecretConsumerManager(*limited, consumers),
        secret_acls=acls.AclManager(
            database, authorization, acls.OF_SECRETS, most.users_per_acl
        ),
        containers=ContainerManager(*limited, most.members_per_container),
        container_consumers=ContainerConsumerManager(*limited, consumers),
        container_acls=acls.AclManager(
            database, authorization, acls.OF_CONTAINERS, most.users_per_acl
        ),
        orders=OrderManager(*keyed, limits, jobs, budget),
        quotas=quotas.QuotaManager(*limited),
        secret_stores=SecretStoreManager(*keyed, conf),
        transport_keys=transport_keys,
        backup_keys=BackupKeyManager(*keyed, named),
        replication_user_keys=ReplicationUserKeyManager(*keyed, named),
        master_keys=_master_keys(database, keys, authorization, background),
        project_keys=_project_keys(keys, authorization, background),
        health=HealthManager(database, keys),
    )


def _master_keys(
    database: Database,
    keys: KeyHierarchy,
    authorization: Authorization,
    background: Background,
) -> MasterKeyManager:
    return MasterKeyManager(
        Rotation(database, keys.master_keys),
        authorization,
        lambda: background.wake(rewrapping.TASK),
    )


def _project_keys(
    keys: KeyHierarchy, authorization: Authorization, background: Background
) -> ProjectKeyManager:
    return ProjectKeyManager(
        keys, authorization, lambda: background.wake(rewrapping.RESEALING)
    )
