# SPDX-License-Identifier: Apache-2.0
"""Who may read and set quotas."""

from secretstore.policies import base

GET = 'quotas:get'
PROJECT_GET = 'project_quotas:get'
PROJECT_LIST = PROJECT_GET
PROJECT_PUT = 'project_quotas:put'
PROJECT_DELETE = 'project_quotas:delete'

_ALL = '/v1/project-quotas'
_ONE = '/v1/project-quotas/{project_id}'

RULES = [
    base.operation_rule(
        GET,
        base.READER,
        base.ANY_ROLE,
        'Read the quotas that hold for the own project.',
        'GET /v1/quotas',
    ),
    base.operation_rule(
        PROJECT_GET,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Read the quotas that are set for projects.',
        f'GET {_ALL}',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        PROJECT_PUT,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Set the quotas of a project.',
        f'PUT {_ONE}',
    ),
    base.operation_rule(
        PROJECT_DELETE,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Let the default quotas hold for a project again.',
        f'DELETE {_ONE}',
    ),
]
