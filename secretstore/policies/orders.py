# SPDX-License-Identifier: Apache-2.0
"""Who may do what with orders."""

from secretstore.policies import base

CREATE = 'orders:post'
LIST = 'orders:get'
GET = 'order:get'
DELETE = 'order:delete'

_ALL = '/v1/orders'
_ONE = '/v1/orders/{order_id}'

RULES = [
    base.operation_rule(
        CREATE,
        base.MEMBER,
        base.ADMIN_OR_CREATOR,
        'Order a key or a key pair in the own project.',
        f'POST {_ALL}',
    ),
    base.operation_rule(
        LIST,
        base.MEMBER,
        base.ALL_BUT_AUDIT,
        "List the own project's orders.",
        f'GET {_ALL}',
    ),
    # Nobody is asked: no order can be changed.
    base.operation_rule(
        'orders:put',
        base.MEMBER,
        base.ADMIN_OR_CREATOR,
        'Change an order, which is not supported.',
        f'PUT {_ALL}',
    ),
    base.operation_rule(
        GET,
        'rule:order_project_member',
        f'{base.ANY_ROLE} and rule:order_project_match',
        'Read an order.',
        f'GET {_ONE}',
    ),
    base.operation_rule(
        DELETE,
        'rule:order_project_member',
        'rule:admin and rule:order_project_match',
        'Delete an order, not what it made.',
        f'DELETE {_ONE}',
    ),
]
