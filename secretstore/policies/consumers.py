# SPDX-License-Identifier: Apache-2.0
"""Who may do what with the consumers of containers and of secrets."""

from secretstore.policies import base

CONTAINER_GET = 'consumer:get'
CONTAINER_LIST = 'container_consumers:get'
CONTAINER_ADD = 'container_consumers:post'
CONTAINER_DELETE = 'container_consumers:delete'
# The same rule, which looks at containers: of a secret's consumers the new
# default lets admins alone read one, as Barbican's does.
SECRET_GET = CONTAINER_GET
SECRET_LIST = 'secret_consumers:get'
SECRET_ADD = 'secret_consumers:post'
SECRET_DELETE = 'secret_consumers:delete'

_OF_CONTAINER = '/v1/containers/{container_id}/consumers'
_OF_SECRET = '/v1/secrets/{secret_id}/consumers'

RULES = [
    base.operation_rule(
        CONTAINER_GET,
        f'{base.ADMIN} or {base.read("container")}',
        'rule:admin or rule:observer or rule:creator or rule:audit or '
        f'{base.legacy_read("container")}',
        'Read one consumer of a container or of a secret.',
        f'GET {_OF_CONTAINER}/{{consumer_id}}',
        f'GET {_OF_SECRET}/{{consumer_id}}',
    ),
    base.operation_rule(
        CONTAINER_LIST,
        base.read('container'),
        base.legacy_read('container'),
        "List a container's consumers.",
        f'GET {_OF_CONTAINER}',
    ),
    base.operation_rule(
        CONTAINER_ADD,
        base.read('container'),
        base.legacy_read('container'),
        'Register a consumer of a container.',
        f'POST {_OF_CONTAINER}',
    ),
    base.operation_rule(
        CONTAINER_DELETE,
        base.read('container'),
        base.legacy_read('container'),
        'Remove a consumer of a container.',
        f'DELETE {_OF_CONTAINER}',
    ),
    base.operation_rule(
        SECRET_LIST,
        base.read('secret'),
        base.legacy_read('secret'),
        "List a secret's consumers.",
        f'GET {_OF_SECRET}',
    ),
    base.operation_rule(
        SECRET_ADD,
        base.read('secret'),
        base.legacy_read('secret'),
        'Register a consumer of a secret.',
        f'POST {_OF_SECRET}',
    ),
    base.operation_rule(
        SECRET_DELETE,
        base.read('secret'),
        base.legacy_read('secret'),
        'Remove a consumer of a secret.',
        f'DELETE {_OF_SECRET}',
    ),
]
