# SPDX-License-Identifier: Apache-2.0
"""The URL table of the Workflow API."""

from oslo_config import cfg

from secretstore.api.routing import Route
from secretstore.api.workflow.master_keys import (
    MasterKeysController,
    ProjectKeysController,
)
from secretstore.api.workflow.named_keys import (
    NamedKeysController,
    backup_keys,
    replication_user_keys,
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
    backups = backup_keys(conductor.backup_keys, conf)
    users = replication_user_keys(conductor.replication_user_keys, conf)
    projects = ProjectKeysController(conductor.project_keys)
    return [
        Route('POST', ROTATE_PROJECT, projects.rotate, 'Project key rotation'),
        *_master_key_routes(MasterKeysController(conductor.master_keys, conf)),
        *_named_key_routes(
            BACKUPS, BACKUP_KEY, backups, 'Backup encryption key'
        ),
        *_named_key_routes(
            REPLICATION_USERS,
            REPLICATION_USER_KEY,
            users,
            'Replication user key',
        ),
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


def _named_key_routes(
    every: str, one: str, keys: NamedKeysController, what: str
) -> list[Route]:
    return [
        Route('GET', every, keys.index, f'{what} listing'),
        Route('PUT', one, keys.put, f'{what} delivery'),
        Route('GET', one, keys.show, f'{what} retrieval'),
        Route('DELETE', one, keys.delete, f'{what} deletion'),
    ]
