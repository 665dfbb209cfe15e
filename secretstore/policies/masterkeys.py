# SPDX-License-Identifier: Apache-2.0
"""Who may rotate keys, and migrate and retire master keys."""

from secretstore.policies import base

GET = 'master_keys:get'
ROTATE = 'master_keys:rotate'
MIGRATE = 'master_keys:migrate'
RETIRE = 'master_keys:retire'
ROTATE_PROJECT = 'project_keys:rotate'

_ALL = '/workflow/v1/master-keys'

RULES = [
    base.operation_rule(
        GET,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'List the master keys, and how far rewrapping is.',
        f'GET {_ALL}',
    ),
    base.operation_rule(
        ROTATE,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Use a new master key.',
        f'POST {_ALL}/rotate',
    ),
    base.operation_rule(
        MIGRATE,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Have another security strategy guard the keys.',
        f'POST {_ALL}/migrate',
    ),
    base.operation_rule(
        RETIRE,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Have a master key destroyed that nothing needs any more.',
        f'POST {_ALL}/{{master_key_id}}/retire',
    ),
    base.operation_rule(
        ROTATE_PROJECT,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Use a new key for a project.',
        'POST /workflow/v1/project-keys/{project_id}/rotate',
    ),
]
