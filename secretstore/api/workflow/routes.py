# SPDX-License-Identifier: Apache-2.0
"""The URL table of the Workflow API."""

from oslo_config import cfg

from secretstore.api.routing import Route
from secretstore.api.workflow.master_keys import MasterKeysController
from secretstore.api.workflow.named_keys import (
    BackupKeysController,
    ReplicationUserKeysController,
)
from secretstore.rpc.interface import Conductor

MASTER_KEYS = '/workflow/v1/master-keys'
BACKUP_KEY = '/workflow/v1/backups/{id}/encryption-key'
REPLICATION_USER_KEY = '/workflow/v1/replication-users/{id}/key'


def routes(conf: cfg.ConfigOpts, conductor: Conductor) -> list[Route]:
    """Everything below /workflow."""
    users = ReplicationUserKeysController(
        conductor.replication_user_keys, conf
    )
    return [
        *_master_key_routes(MasterKeysController(conductor.master_keys, conf)),
        *_backup_key_routes(BackupKeysController(conductor.backup_keys, conf)),
        *_replication_user_key_routes(users),
    ]


def _master_key_routes(keys: MasterKeysController) -> list[Route]:
    what = 'Master key'
    return [
        Route('GET', MASTER_KEYS, keys.index, f'{what} retrieval'),
        Route(
            'POST', f'{MASTER_KEYS}/rotate', keys.rotate, f'{what} rotation'
        ),
        Route(
            'POST', f'{MASTER_KEYS}/migrate', keys.migrate, f'{what} migration'
        ),
        Route(
            'POST',
            f'{MASTER_KEYS}/{{id}}/retire',
            keys.retire,
            f'{what} retirement',
        ),
    ]


def _backup_key_routes(keys: BackupKeysController) -> list[Route]:
    what = 'Backup encryption key'
    return [
        Route('PUT', BACKUP_KEY, keys.put, f'{what} delivery'),
        Route('GET', BACKUP_KEY, keys.show, f'{what} retrieval'),
        Route('DELETE', BACKUP_KEY, keys.delete, f'{what} deletion'),
    ]


def _replication_user_key_routes(
    keys: ReplicationUserKeysController,
) -> list[Route]:
    what = 'Replication user key'
    return [
        Route('PUT', REPLICATION_USER_KEY, keys.put, f'{what} delivery'),
        Route('GET', REPLICATION_USER_KEY, keys.show, f'{what} retrieval'),
        Route('DELETE', REPLICATION_USER_KEY, keys.delete, f'{what} deletion'),
    ]
