# SPDX-License-Identifier: Apache-2.0
"""The URL table of the Workflow API."""

from oslo_config import cfg

from secretstore.api.routing import Route
from secretstore.api.workflow.master_keys import (
    MasterKeysController,
    ProjectKeysController,
)
from secretstore.api.workflow.named_keys import (
    BackupKeysController,
    ReplicationUserKeysController,
)
from secretstore.rpc.interface import Conductor

MASTER_KEYS = '/workflow/v1/master-keys'
ROTATE_PROJECT = '/workflow/v1/project-keys/{id}/rotate'
BACKUPS = '/workflow/v1/backups'
BACKUP_KEY = f'{BACKUPS}/{{id}}/encryption-key'
REPLICATION_USERS = '/workflow/v1/replication-users'
REPLICATION_USER_KEY = f'{REPLICATION_USERS}/{{id}}/key'


def routes(conf: cfg.ConfigOpts, conductor: Conductor) -> list[Route]:
    """Everything below /workflow."""
    users = ReplicationUserKeysController(
        conductor.replication_user_keys, conf
    )
    projects = ProjectKeysController(conductor.project_keys)
    return [
        Route('POST', ROTATE_PROJECT, projects.rotate, 'Project key rotation'),
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
        Route('GET', BACKUPS, keys.index, f'{what} listing'),
        Route('PUT', BACKUP_KEY, keys.put, f'{what} delivery'),
        Route('GET', BACKUP_KEY, keys.show, f'{what} retrieval'),
        Route('DELETE', BACKUP_KEY, keys.delete, f'{what} deletion'),
    ]


def _replication_user_key_routes(
    keys: ReplicationUserKeysController,
) -> list[Route]:
    what = 'Replication user key'
    return [
        Route('GET', REPLICATION_USERS, keys.index, f'{what} listing'),
        Route('PUT', REPLICATION_USER_KEY, keys.put, f'{what} delivery'),
        Route('GET', REPLICATION_USER_KEY, keys.show, f'{what} retrieval'),
        Route('DELETE', REPLICATION_USER_KEY, keys.delete, f'{what} deletion'),
    ]
