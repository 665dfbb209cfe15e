# SPDX-License-Identifier: Apache-2.0
"""Who may have the keys of the project's backups and replication users.

Whoever may is shown the key: readers may have the lists alone, which do not.
"""

from secretstore.policies import base

BACKUP_LIST = 'backup_keys:get'
BACKUP_PUT = 'backup_key:put'
BACKUP_GET = 'backup_key:get'
BACKUP_DELETE = 'backup_key:delete'
REPLICATION_LIST = 'replication_user_keys:get'
REPLICATION_PUT = 'replication_user_key:put'
REPLICATION_GET = 'replication_user_key:get'
REPLICATION_DELETE = 'replication_user_key:delete'

_BACKUPS = '/workflow/v1/backups'
_BACKUP = f'{_BACKUPS}/{{backup_id}}/encryption-key'
_REPLICATIONS = '/workflow/v1/replication-users'
_REPLICATION = f'{_REPLICATIONS}/{{instance_id}}/key'

RULES = [
    *(
        base.operation_rule(
            name,
            base.READER,
            base.ALL_BUT_AUDIT,
            f'List the {what} that have a key.',
            f'GET {path}',
        )
        for name, what, path in (
            (BACKUP_LIST, 'backups', _BACKUPS),
            (REPLICATION_LIST, 'replication users', _REPLICATIONS),
        )
    ),
    *(
        base.operation_rule(
            name,
            base.MEMBER,
            base.ADMIN_OR_CREATOR,
            f'{verb} the {what}.',
            f'{method} {path}',
        )
        for name, method, verb, what, path in (
            (BACKUP_PUT, 'PUT', 'Get or make', 'key of a backup', _BACKUP),
            (BACKUP_GET, 'GET', 'Get', 'key of a backup', _BACKUP),
            (BACKUP_DELETE, 'DELETE', 'Delete', 'key of a backup', _BACKUP),
            (
                REPLICATION_PUT,
                'PUT',
                'Get or make',
                'key of a replication user',
                _REPLICATION,
            ),
            (
                REPLICATION_GET,
                'GET',
                'Get',
                'key of a replication user',
                _REPLICATION,
            ),
            (
                REPLICATION_DELETE,
                'DELETE',
                'Delete',
                'key of a replication user',
                _REPLICATION,
            ),
        )
    ),
]
