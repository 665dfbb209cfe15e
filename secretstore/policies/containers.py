# SPDX-License-Identifier: Apache-2.0
"""Who may do what with containers."""

from secretstore.policies import base

CREATE = 'containers:post'
LIST = 'containers:get'
GET = 'container:get'
DELETE = 'container:delete'
ADD_SECRET = 'container_secret:post'
DELETE_SECRET = 'container_secret:delete'

_ALL = '/v1/containers'
_ONE = '/v1/containers/{container_id}'

RULES = [
    base.operation_rule(
        CREATE,
        base.MEMBER,
        base.ADMIN_OR_CREATOR,
        'Create a container in the own project.',
        f'POST {_ALL}',
    ),
    base.operation_rule(
        LIST,
        base.MEMBER,
        base.ALL_BUT_AUDIT,
        "List the own project's containers.",
        f'GET {_ALL}',
    ),
    base.operation_rule(
        GET,
        base.read('container'),
        base.legacy_read('container'),
        'Read a container and the references to its secrets.',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        DELETE,
        base.use('container'),
        base.legacy_own('container'),
        'Delete a container, not its secrets.',
        f'DELETE {_ONE}',
    ),
    base.operation_rule(
        ADD_SECRET,
        base.use('container'),
        base.legacy_change('container'),
        'Add a secret to a container.',
        f'POST {_ONE}/secrets',
    ),
    base.operation_rule(
        DELETE_SECRET,
        base.use('container'),
        base.legacy_change('container'),
        'Remove a secret from a container.',
        f'DELETE {_ONE}/secrets',
    ),
]
