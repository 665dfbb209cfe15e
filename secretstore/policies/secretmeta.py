# SPDX-License-Identifier: Apache-2.0
"""Who may do what with the metadata that users attach to secrets."""

from secretstore.policies import base

GET = 'secret_meta:get'
POST = 'secret_meta:post'
PUT = 'secret_meta:put'
DELETE = 'secret_meta:delete'

_ALL = '/v1/secrets/{secret_id}/metadata'
_ONE = '/v1/secrets/{secret_id}/metadata/{key}'

RULES = [
    base.operation_rule(
        GET,
        base.read('secret'),
        base.legacy_read('secret'),
        "Read a secret's metadata.",
        f'GET {_ALL}',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        POST,
        base.use('secret'),
        base.legacy_change('secret'),
        "Add a key to a secret's metadata.",
        f'POST {_ALL}',
    ),
    base.operation_rule(
        PUT,
        base.use('secret'),
        base.legacy_change('secret'),
        "Replace a secret's metadata, or the value of one key.",
        f'PUT {_ALL}',
        f'PUT {_ONE}',
    ),
    base.operation_rule(
        DELETE,
        base.use('secret'),
        base.legacy_change('secret'),
        "Remove a key from a secret's metadata.",
        f'DELETE {_ONE}',
    ),
]
