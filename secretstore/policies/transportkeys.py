# SPDX-License-Identifier: Apache-2.0
"""Who may read and change the keys to which clients seal payloads."""

from secretstore.policies import base

LIST = 'transport_keys:get'
CREATE = 'transport_keys:post'
GET = 'transport_key:get'
DELETE = 'transport_key:delete'

_ALL = '/v1/transport_keys'
_ONE = '/v1/transport_keys/{transport_key_id}'

RULES = [
    base.operation_rule(
        LIST,
        base.READER,
        base.ANY_ROLE,
        'List the transport keys.',
        f'GET {_ALL}',
    ),
    base.operation_rule(
        CREATE,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Add a transport key.',
        f'POST {_ALL}',
    ),
    base.operation_rule(
        GET,
        base.READER,
        base.ANY_ROLE,
        'Read a transport key.',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        DELETE,
        base.ADMIN,
        base.SERVICE_ADMIN,
        'Delete a transport key.',
        f'DELETE {_ONE}',
    ),
]
