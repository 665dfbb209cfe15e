# SPDX-License-Identifier: Apache-2.0
"""Who may do what with the metadata that users attach to secrets."""

from oslo_policy import policy

from secretstore.policies import base

GET = 'secret_meta:get'
POST = 'secret_meta:post'
PUT = 'secret_meta:put'
DELETE = 'secret_meta:delete'

_ALL = '/v1/secrets/{secret_id}/metadata'
_ONE = '/v1/secrets/{secret_id}/metadata/{key}'

RULES = [
    policy.DocumentedRuleDefault(
        name=GET,
        check_str=f'{base.SECRET_PROJECT_USE} or rule:secret_acl_read',
        scope_types=['project'],
        description="Read a secret's metadata.",
        operations=[
            {'method': 'GET', 'path': _ALL},
            {'method': 'GET', 'path': _ONE},
        ],
    ),
    policy.DocumentedRuleDefault(
        name=POST,
        check_str=base.SECRET_PROJECT_USE,
        scope_types=['project'],
        description="Add a key to a secret's metadata.",
        operations=[{'method': 'POST', 'path': _ALL}],
    ),
    policy.DocumentedRuleDefault(
        name=PUT,
        check_str=base.SECRET_PROJECT_USE,
        scope_types=['project'],
        description="Replace a secret's metadata, or the value of one key.",
        operations=[
            {'method': 'PUT', 'path': _ALL},
            {'method': 'PUT', 'path': _ONE},
        ],
    ),
    policy.DocumentedRuleDefault(
        name=DELETE,
        check_str=base.SECRET_PROJECT_USE,
        scope_types=['project'],
        description="Remove a key from a secret's metadata.",
        operations=[{'method': 'DELETE', 'path': _ONE}],
    ),
]
