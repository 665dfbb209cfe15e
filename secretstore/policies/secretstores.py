# SPDX-License-Identifier: Apache-2.0
"""Who may see the secret stores, and choose one for a project."""

from secretstore.policies import base

LIST = 'secretstores:get'
DEFAULT = 'secretstores:get_global_default'
PREFERRED = 'secretstores:get_preferred'
GET = 'secretstore:get'
SET_PREFERRED = 'secretstore_preferred:post'
UNSET_PREFERRED = 'secretstore_preferred:delete'

_ALL = '/v1/secret-stores'
_ONE = '/v1/secret-stores/{secret_store_id}'

RULES = [
    base.operation_rule(
        LIST,
        base.READER,
        base.ANY_ROLE,
        'List the secret stores.',
        f'GET {_ALL}',
    ),
    base.operation_rule(
        DEFAULT,
        base.READER,
        base.ANY_ROLE,
        'Read which secret store is used unless a project prefers another.',
        f'GET {_ALL}/global-default',
    ),
    base.operation_rule(
        PREFERRED,
        base.READER,
        base.ANY_ROLE,
        'Read which secret store the own project prefers.',
        f'GET {_ALL}/preferred',
    ),
    base.operation_rule(
        GET,
        base.READER,
        base.ANY_ROLE,
        'Read about one secret store.',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        SET_PREFERRED,
        base.ADMIN,
        'rule:admin',
        'Prefer a secret store for the own project.',
        f'POST {_ONE}/preferred',
    ),
    base.operation_rule(
        UNSET_PREFERRED,
        base.ADMIN,
        'rule:admin',
        'Use the global default for the own project again.',
        f'DELETE {_ONE}/preferred',
    ),
]
