# SPDX-License-Identifier: Apache-2.0
"""Who may do what with secrets."""

from oslo_policy import policy

from secretstore.policies import base

CREATE = 'secrets:post'
LIST = 'secrets:get'
GET = 'secret:get'
DECRYPT = 'secret:decrypt'
PUT = 'secret:put'
DELETE = 'secret:delete'

RULES = [
    policy.DocumentedRuleDefault(
        name=CREATE,
        check_str='role:member',
        scope_types=['project'],
        description='Store a secret in the own project.',
        operations=[{'method': 'POST', 'path': '/v1/secrets'}],
    ),
    policy.DocumentedRuleDefault(
        name=LIST,
        check_str='role:member',
        scope_types=['project'],
        description="List the own project's secrets.",
        operations=[{'method': 'GET', 'path': '/v1/secrets'}],
    ),
    policy.DocumentedRuleDefault(
        name=GET,
        check_str=(
            f'role:admin or {base.SECRET_PROJECT_USE} or rule:secret_acl_read'
        ),
        scope_types=['project'],
        description='Read what is known of a secret, without its payload.',
        operations=[{'method': 'GET', 'path': '/v1/secrets/{secret_id}'}],
    ),
    policy.DocumentedRuleDefault(
        name=DECRYPT,
        check_str=f'{base.SECRET_PROJECT_USE} or rule:secret_acl_read',
        scope_types=['project'],
        description="Read a secret's payload.",
        operations=[
            {'method': 'GET', 'path': '/v1/secrets/{secret_id}/payload'}
        ],
    ),
    policy.DocumentedRuleDefault(
        name=PUT,
        check_str=base.SECRET_PROJECT_USE,
        scope_types=['project'],
        description='Give a payload to a secret that has none.',
        operations=[{'method': 'PUT', 'path': '/v1/secrets/{secret_id}'}],
    ),
    policy.DocumentedRuleDefault(
        name=DELETE,
        check_str=f'role:admin or {base.SECRET_PROJECT_USE}',
        scope_types=['project'],
        description='Delete a secret.',
        operations=[{'method': 'DELETE', 'path': '/v1/secrets/{secret_id}'}],
    ),
]
