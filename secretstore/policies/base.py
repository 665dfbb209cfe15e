# SPDX-License-Identifier: Apache-2.0
"""Rules that other rules are made of."""

from oslo_policy import policy

# No default here uses these; policy files written for Barbican do.
_KNOWN_TO_BARBICAN = {
    'admin': 'role:admin',
    'creator': 'role:creator',
    'observer': 'role:observer',
    'audit': 'role:audit',
    'service_admin': 'role:key-manager:service-admin',
    'admin_or_creator': 'rule:admin or rule:creator',
    'all_but_audit': 'rule:admin or rule:observer or rule:creator',
    'all_users': 'rule:all_but_audit or rule:audit or rule:service_admin',
    'secret_project_reader': 'role:reader and rule:secret_project_match',
    'secret_creator_user': 'rule:secret_owner',
    'secret_private_read': "'False':%(target.secret.read_project_access)s",
    'secret_non_private_read': (
        'rule:all_users and rule:secret_project_match and '
        'not rule:secret_private_read'
    ),
    'secret_decrypt_non_private_read': (
        'rule:all_but_audit and rule:secret_project_match and '
        'not rule:secret_private_read'
    ),
    'secret_project_creator_role': (
        'rule:creator and rule:secret_project_match'
    ),
    'secret_project_creator': (
        'rule:secret_project_creator_role and rule:secret_owner'
    ),
}

RULES = [
    *[
        policy.RuleDefault(name, check)
        for name, check in _KNOWN_TO_BARBICAN.items()
    ],
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
