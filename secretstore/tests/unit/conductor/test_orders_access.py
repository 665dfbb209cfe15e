# SPDX-License-Identifier: Apache-2.0
from secretstore import errors
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.order_base import (
    AES,
    EC,
    OrderTest,
    new_order,
    page_query,
)


class TestAccess(OrderTest):
    def test_other_projects(self) -> None:
        order = self.order(**AES)
        for role in ('member', 'admin'):
            other = base.context(role, project_id=base.OTHER_PROJECT)
            for act in (
                self.conductor.orders.get,
                self.conductor.orders.delete,
            ):
                with self.assertRaises(errors.NotFound) as caught:
                    act(other, order['id'])
                self.assertEqual('Order not found.', caught.exception.message)

    def test_readers(self) -> None:
        order = self.order(**AES)
        reader = base.context(
            'reader', project_id=str(self.context.project_id)
        )
        orders = self.conductor.orders
        with self.assertRaises(errors.Forbidden):
            orders.get(reader, order['id'])
        with self.assertRaises(errors.Forbidden):
            orders.delete(reader, order['id'])
        with self.assertRaises(errors.Forbidden):
            orders.page(reader, page_query())
        with self.assertRaises(errors.Forbidden):
            orders.create(reader, new_order(**AES))

    def test_page(self) -> None:
        made = [self.order(**AES | {'name': f'n{n}'}) for n in range(3)]
        orders = self.conductor.orders
        page = orders.page(self.context, page_query(limit=2, offset=1))
        self.assertEqual((made[1:], 3), page)
        for meta, found in (
            ('n1', made[1:2]),
            ('algorithm', made),
            ('n', []),
            ('"', []),
            ('256', []),
        ):
            page = orders.page(self.context, page_query(meta=meta))
            self.assertEqual((found, len(found)), page)


class TestQuotas(OrderTest):
    overrides = {'quotas__quota_orders': 3, 'quotas__quota_secrets': 2}

    def test_of_orders(self) -> None:
        for _ in range(3):
            self.order(algorithm='x', bit_length=8)
        with self.assertRaises(errors.QuotaReached):
            self.order(algorithm='x', bit_length=8)

    def test_of_secrets(self) -> None:
        """What an order makes counts: nothing is made, and no order."""
        for _ in range(2):
            self.order(**AES)
        with self.assertRaises(errors.QuotaReached):
            self.order(**AES)
        self.assertEqual(
            {'secrets': 2, 'containers': 0, 'orders': 2}, self.counts()
        )

    def test_of_secrets_by_a_pair(self) -> None:
        self.order(**AES)
        order = self.order('asymmetric', **EC)
        self.assertEqual(
            (
                'ERROR',
                '403',
                'Process TypeOrder issue seen - Creation not allowed because '
                'a quota has been reached.',
            ),
            (
                order['status'],
                order['error_status_code'],
                order['error_reason'],
            ),
        )
        self.assertEqual(
            {'secrets': 1, 'containers': 0, 'orders': 2}, self.counts()
        )
