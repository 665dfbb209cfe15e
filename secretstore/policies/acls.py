# SPDX-License-Identifier: Apache-2.0
"""Who may read and change the access lists of secrets and of containers."""

from oslo_policy import policy

from secretstore.policies import base

SECRET_GET = 'secret_acls:get'
SECRET_PUT = 'secret_acls:put_patch'
SECRET_DELETE = 'secret_acls:delete'
CONTAINER_GET = 'container_acls:get'
CONTAINER_PUT = 'container_acls:put_patch'
CONTAINER_DELETE = 'container_acls:delete'


def _rules(kind: str) -> list[policy.DocumentedRuleDefault]:
    path = f'/v1/{kind}s/{{{kind}_id}}/acl'
    return [
        base.operation_rule(
            f'{kind}_acls:get',
            base.use(kind),
            f'{base.ALL_BUT_AUDIT} and rule:{kind}_project_match',
            f'Read the access list of a {kind}.',
            f'GET {path}',
        ),
        base.operation_rule(
            f'{kind}_acls:put_patch',
            base.use(kind),
            base.legacy_change(kind),
            f'Replace or change the access list of a {kind}.',
            f'PUT {path}',
            f'PATCH {path}',
        ),
        base.operation_rule(
            f'{kind}_acls:delete',
            base.use(kind),
            base.legacy_change(kind),
            f'Remove the access list of a {kind}.',
            f'DELETE {path}',
        ),
    ]


RULES = [*_rules('secret'), *_rules('container')]
