# SPDX-License-Identifier: Apache-2.0
"""Who may do what with secrets."""

from secretstore.policies import base

CREATE = 'secrets:post'
LIST = 'secrets:get'
GET = 'secret:get'
DECRYPT = 'secret:decrypt'
PUT = 'secret:put'
DELETE = 'secret:delete'

_ALL = '/v1/secrets'
_ONE = '/v1/secrets/{secret_id}'

RULES = [
    base.operation_rule(
        CREATE,
        base.MEMBER,
        base.ADMIN_OR_CREATOR,
        'Store a secret in the own project.',
        f'POST {_ALL}',
    ),
    base.operation_rule(
        LIST,
        base.MEMBER,
        base.ALL_BUT_AUDIT,
        "List the own project's secrets.",
        f'GET {_ALL}',
    ),
    base.operation_rule(
        GET,
        f'{base.ADMIN} or {base.read("secret")}',
        base.legacy_read('secret'),
        'Read what is known of a secret, without its payload.',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        DECRYPT,
        base.read('secret'),
        base.legacy_read('secret', 'decrypt_non_private_read'),
        "Read a secret's payload.",
        f'GET {_ONE}/payload',
    ),
    base.operation_rule(
        PUT,
        base.use('secret'),
        f'{base.ADMIN_OR_CREATOR} and rule:secret_project_match',
        'Give a payload to a secret that has none.',
        f'PUT {_ONE}',
    ),
    base.operation_rule(
        DELETE,
        f'{base.ADMIN} or {base.use("secret")}',
        f'{base.legacy_own("secret")} or (rule:secret_project_creator_role '
        'and not rule:secret_private_read)',
        'Delete a secret.',
        f'DELETE {_ONE}',
    ),
]
