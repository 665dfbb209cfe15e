# SPDX-License-Identifier: Apache-2.0
"""Rules that other rules are made of."""

from oslo_policy import policy

RULES = [
    policy.RuleDefault(
        'secret_project_match',
        'project_id:%(target.secret.project_id)s',
    ),
    policy.RuleDefault(
        'secret_project_member',
        'role:member and rule:secret_project_match',
    ),
    policy.RuleDefault(
        'secret_project_admin',
        'role:admin and rule:secret_project_match',
    ),
    policy.RuleDefault(
        'secret_owner',
        'user_id:%(target.secret.creator_id)s',
    ),
    policy.RuleDefault(
        'secret_is_not_private',
        'True:%(target.secret.read_project_access)s',
    ),
    policy.RuleDefault(
        'secret_acl_read',
        "'read':%(target.secret.read)s",
    ),
]

# Members use what their project shares and, of what is private, their own.
SECRET_PROJECT_USE = (
    'rule:secret_project_admin or '
    '(rule:secret_project_member and rule:secret_owner) or '
    '(rule:secret_project_member and rule:secret_is_not_private)'
)
