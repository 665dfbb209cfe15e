# SPDX-License-Identifier: Apache-2.0
"""Who may have the keys of the project's backups and replication users.

Whoever may is shown the key: there is no rule for readers.
"""

from secretstore.policies import base

BACKUP_PUT = 'backup_key:put'
BACKUP_GET = 'backup_key:get'
BACKUP_DELETE = 'backup_key:delete'
REPLICATION_PUT = 'replication_user_key:put'
REPLICATION_GET = 'replication_user_key:get'
REPLICATION_DELETE = 'replication_user_key:delete'

_BACKUP = '/workflow/v1/backups/{backup_id}/encryption-key'
_REPLICATION = '/workflow/v1/replication-users/{instance_id}/key'

RULES = [
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
]
