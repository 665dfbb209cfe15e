# SPDX-License-Identifier: Apache-2.0
"""What rules are made of, and the rules that other rules name.

Rules may look at the caller's identity and roles and at these attributes of
the target, which :mod:`secretstore.conductor.targets` provides:

- ``target.secret.*`` and ``target.container.*``: ``project_id``,
  ``creator_id``, ``read_project_access`` (false when the access list makes
  it private) and ``read`` ('read' when the access list names the caller,
  else absent);
- ``target.order.*``: ``project_id`` and ``creator_id``;
- ``enforce_new_defaults``: the option of that name in [oslo_policy].

An attribute that is absent makes the check that looks at it fail.
"""

from oslo_policy import policy

MEMBER = 'role:member'
READER = 'role:reader'
ADMIN = 'role:admin'

# Barbican's names for what its defaults were made of before secure RBAC.
ANY_ROLE = 'rule:all_users'
ALL_BUT_AUDIT = 'rule:all_but_audit'
ADMIN_OR_CREATOR = 'rule:admin_or_creator'
SERVICE_ADMIN = 'rule:service_admin'


def use(kind: str) -> str:
    """Members use what their project shares and, of the private, their own.

    :param kind: secret or container
    """
    return (
        f'rule:{kind}_project_admin or '
        f'(rule:{kind}_project_member and rule:{kind}_owner) or '
        f'(rule:{kind}_project_member and rule:{kind}_is_not_private)'
    )


def read(kind: str) -> str:
    """Whoever may use it, and whom its access list names."""
    return f'{use(kind)} or rule:{kind}_acl_read'


def legacy_read(kind: str, not_private: str = 'non_private_read') -> str:
    """Any role of the project unless it is private, and its access list."""
    return (
        f'rule:{kind}_{not_private} or rule:{kind}_project_creator or '
        f'rule:{kind}_project_admin or rule:{kind}_acl_read'
    )


def legacy_own(kind: str) -> str:
    """Admins of the project, and the creator who made it."""
    return f'rule:{kind}_project_admin or rule:{kind}_project_creator'


def legacy_change(kind: str) -> str:
    """Admins of the project, and creators unless it is another's private."""
    return (
        f'{legacy_own(kind)} or (rule:{kind}_project_creator_role and '
        f'rule:{kind}_non_private_read)'
    )


def operation_rule(
    name: str, new: str, legacy: str, description: str, *operations: str
) -> policy.DocumentedRuleDefault:
    """The default of a rule that guards operations.

    :param new: holds while [oslo_policy] enforce_new_defaults is true
    :param legacy: holds while it is false
    :param operations: each a method, a space and a path
    """
    return policy.DocumentedRuleDefault(
        name=name,
        check_str=f'True:%(enforce_new_defaults)s and ({new})',
        scope_types=['project'],
        description=description,
        operations=[_operation(words) for words in operations],
        deprecated_rule=policy.DeprecatedRule(
            name=name,
            check_str=legacy,
            deprecated_reason='Secure RBAC has project roles in its place.',
            deprecated_since='Wallaby',
        ),
    )


def _operation(words: str) -> policy.Operation:
    method, path = words.split(' ')
    return {'method': method, 'path': path}


def _of_kind(kind: str) -> dict[str, str]:
    """The rules about a secret's or a container's project and access list."""
    return {
        f'{kind}_project_match': f'project_id:%(target.{kind}.project_id)s',
        f'{kind}_project_member': f'{MEMBER} and rule:{kind}_project_match',
        f'{kind}_project_admin': f'{ADMIN} and rule:{kind}_project_match',
        f'{kind}_owner': f'user_id:%(target.{kind}.creator_id)s',
        f'{kind}_is_not_private': (
            f'True:%(target.{kind}.read_project_access)s'
        ),
        f'{kind}_acl_read': f"'read':%(target.{kind}.read)s",
        f'{kind}_private_read': (
            f"'False':%(target.{kind}.read_project_access)s"
        ),
        f'{kind}_creator_user': f'user_id:%(target.{kind}.creator_id)s',
        f'{kind}_non_private_read': (
            f'rule:all_users and rule:{kind}_project_match and '
            f'not rule:{kind}_private_read'
        ),
        f'{kind}_project_creator_role': (
            f'rule:creator and rule:{kind}_project_match'
        ),
        f'{kind}_project_creator': (
            f'rule:creator and rule:{kind}_project_match and '
            f'rule:{kind}_creator_user'
        ),
    }


_CHECKS = {
    'admin': ADMIN,
    'creator': 'role:creator',
    'observer': 'role:observer',
    'audit': 'role:audit',
    'service_admin': 'role:key-manager:service-admin',
    'admin_or_creator': 'rule:admin or rule:creator',
    'all_but_audit': 'rule:admin or rule:observer or rule:creator',
    'all_users': (
        'rule:admin or rule:observer or rule:creator or '
        'rule:audit or rule:service_admin'
    ),
    **_of_kind('secret'),
    **_of_kind('container'),
    # No default uses this one; policy files written for Barbican may.
    'secret_project_reader': f'{READER} and rule:secret_project_match',
    'secret_decrypt_non_private_read': (
        'rule:all_but_audit and rule:secret_project_match and '
        'not rule:secret_private_read'
    ),
    'order_project_match': 'project_id:%(target.order.project_id)s',
    'order_project_member': f'{MEMBER} and rule:order_project_match',
}

RULES = [policy.RuleDefault(name, check) for name, check in _CHECKS.items()]
