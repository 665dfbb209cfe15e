# SPDX-License-Identifier: Apache-2.0
"""Calls that may be sent again when nobody knows what became of them."""

import dataclasses

# What gives the same answer when it is executed a second time.
REPEATABLE = frozenset(
    {
        'secrets.get',
        'secrets.payload',
        'secrets.require_put',
        'secrets.page',
        'secret_metadata.get_all',
        'secret_metadata.replace',
        'secret_metadata.get',
        'secret_metadata.update',
        'secret_metadata.delete',
        'secret_consumers.add',
        'secret_consumers.get',
        'secret_consumers.page',
        'secret_acls.get',
        'secret_acls.replace',
        'secret_acls.update',
        'secret_acls.delete',
        'containers.require_create',
        'containers.get',
        'containers.page',
        'container_consumers.add',
        'container_consumers.get',
        'container_consumers.page',
        'container_acls.get',
        'container_acls.replace',
        'container_acls.update',
        'container_acls.delete',
        'orders.get',
        'orders.page',
        'quotas.effective',
        'quotas.page',
        'quotas.get',
        'quotas.put',
        'secret_stores.all',
        'secret_stores.get',
        'secret_stores.get_default',
        'secret_stores.get_preferred',
        'secret_stores.prefer',
        'transport_keys.page',
        'transport_keys.get',
        'backup_keys.get_or_create',
        'backup_keys.page',
        'backup_keys.get',
        'replication_user_keys.get_or_create',
        'replication_user_keys.page',
        'replication_user_keys.get',
        'master_keys.progress',
        'master_keys.migrate',
        'master_keys.retire',
        'health.check',
    }
)
# Repeatable because the caller chooses the id, in this argument.
CHOSEN_IDS = {
    'secrets.create': 'secret_id',
    'secrets.create_for_transport': 'secret_id',
    'containers.create': 'container_id',
    'orders.create': 'order_id',
}
# Repeatable for those who may read what they have put.
PUT, READ = 'secrets.put_payload', 'secrets.payload'


@dataclasses.dataclass
class Fate:
    """Whether a call may be sent again, and whether it may have been executed.

    in_doubt stays true when an answer came after all.
    """

    repeatable: bool
    in_doubt: bool = False

    def doubt(self) -> None:
        self.in_doubt = True
