# SPDX-License-Identifier: Apache-2.0
import datetime
import json
from typing import Any
import uuid

from cryptography.hazmat.primitives import serialization
import sqlalchemy as sa

from secretstore import errors
from secretstore.db import models
from secretstore.rpc.interface import NewOrder, OrderQuery, OrderView
from secretstore.tests.unit.conductor import base

AES: dict[str, Any] = {'algorithm': 'aes', 'bit_length': 256, 'name': None}
EC: dict[str, Any] = {'algorithm': 'EC', 'bit_length': 384, 'name': 'pair'}
TABLES = ('secrets', 'secret_payloads', 'containers', 'orders')


def new_order(
    order_type: Any = 'key',
    expiration: datetime.datetime | None = None,
    pass_phrase: str | None = None,
    **meta: Any,
) -> NewOrder:
    return {
        'type': order_type,
        'meta': meta,
        'expiration': expiration,
        'pass_phrase': pass_phrase,
    }


def page_query(**fields: Any) -> OrderQuery:
    query: OrderQuery = {
        'limit': 10,
        'offset': 0,
        'marker': None,
        'meta': None,
    }
    query.update(fields)  # type: ignore[typeddict-item]
    return query


class OrderTest(base.ConductorTest):
    """Each test has a project of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.context = base.context(project_id=uuid.uuid4().hex)

    def order(self, order_type: Any = 'key', **meta: Any) -> OrderView:
        """What became of a new order."""
        order_id = self.conductor.orders.create(
            self.context, new_order(order_type, **meta)
        )
        return self.conductor.orders.get(self.context, order_id)

    def members(self, container_id: str) -> dict[str, str]:
        """Ids of the secrets in a container, by name."""
        table = models.table(models.ContainerSecret)
        with self.database.reading() as connection:
            rows = connection.execute(
                sa.select(table.c.name, table.c.secret_id).where(
                    table.c.container_id == container_id
                )
            )
            return {row.name: row.secret_id for row in rows}

    def payload(self, secret_id: str) -> bytes:
        return self.conductor.secrets.payload(self.context, secret_id).data

    def counts(self) -> dict[str, int]:
        """Rows of this test's project, and what usage says of it."""
        found = {}
        usage = models.table(models.ProjectUsage)
        with self.database.reading() as connection:
            for model in (models.Secret, models.Container, models.Order):
                table = models.table(model)
                of_project = table.c.project_id == self.context.project_id
                rows = connection.execute(
                    sa.select(sa.func.count())
                    .select_from(table)
                    .where(of_project)
                ).scalar_one()
                used = connection.execute(
                    sa.select(
                        sa.func.coalesce(sa.func.sum(usage.c[table.name]), 0)
                    ).where(usage.c.project_id == self.context.project_id)
                ).scalar_one()
                self.assertEqual(rows, used, table.name)
                found[table.name] = rows
        return found

    def stored(self, order_id: str) -> Any:
        table = models.table(models.Order)
        with self.database.reading() as connection:
            return connection.execute(
                sa.select(table).where(table.c.id == order_id)
            ).one()


class TestKeys(OrderTest):
    def test_is_there_at_once(self) -> None:
        expiration = datetime.datetime(2090, 1, 2, 3, 4, 5, 678)
        order = self.order(
            **AES | {'name': 'k', 'mode': 'xts', 'mine': ['ü']},
            expiration=expiration,
        )
        self.assertEqual('ACTIVE', order['status'])
        self.assertIsNone(order['error_reason'])
        self.assertIsNone(order['container_id'])
        self.assertEqual(
            {
                **AES,
                'name': 'k',
                'mode': 'xts',
                'mine': ['ü'],
                'expiration': '2090-01-02T03:04:05.000678',
            },
            order['meta'],
        )
        assert order['secret_id'] is not None
        secret = self.conductor.secrets.get(self.context, order['secret_id'])
        for field, value in {
            'name': 'k',
            'secret_type': 'symmetric',
            'algorithm': 'aes',
            'bit_length': 256,
            'mode': 'xts',
            'creator_id': base.USER,
            'content_type': 'application/octet-stream',
            'expiration': expiration,
        }.items():
            self.assertEqual(value, secret[field], field)  # type: ignore[literal-required]
        self.assertEqual(32, len(self.payload(order['secret_id'])))
        self.assertEqual(
            {'secrets': 1, 'containers': 0, 'orders': 1}, self.counts()
        )

    def test_content_type(self) -> None:
        for given, stored in (
            ('text/plain; charset=utf-8', 'text/plain'),
            ('Application/PKCS8', 'application/pkcs8'),
            (None, 'application/octet-stream'),
        ):
            order = self.order(**AES, payload_content_type=given)
            assert order['secret_id'] is not None
            secret = self.conductor.secrets.get(
                self.context, order['secret_id']
            )
            self.assertEqual(stored, secret['content_type'])

    def test_numbers_of_json(self) -> None:
        order = self.order(**AES | {'bit_length': 128.0})
        assert order['secret_id'] is not None
        self.assertEqual(16, len(self.payload(order['secret_id'])))

    def test_nobody_becomes_somebody_else(self) -> None:
        order = self.order(**AES, creator_id=base.OTHER_USER)
        assert order['secret_id'] is not None
        secret = self.conductor.secrets.get(self.context, order['secret_id'])
        self.assertEqual(base.USER, secret['creator_id'])

    def test_what_there_is_not(self) -> None:
        for order_type, meta, reason in (
            (
                'key',
                {'algorithm': 'x', 'bit_length': 8},
                'Secret generate supported plugin not found..',
            ),
            (
                'key',
                {'algorithm': 'rsa', 'bit_length': 1024},
                'Requested algorithm is not supported.',
            ),
            (
                'asymmetric',
                {'algorithm': 'rsa', 'bit_length': 512},
                'Requested bit length is not supported.',
            ),
        ):
            order = self.order(order_type, **meta)
            self.assertEqual('ERROR', order['status'])
            self.assertEqual('400', order['error_status_code'])
            self.assertEqual(
                f'Process TypeOrder issue seen - {reason}',
                order['error_reason'],
            )
        self.assertEqual(
            {'secrets': 0, 'containers': 0, 'orders': 3}, self.counts()
        )

    def test_delete_keeps_the_secret(self) -> None:
        order = self.order(**AES)
        self.conductor.orders.delete(self.context, order['id'])
        assert order['secret_id'] is not None
        self.payload(order['secret_id'])
        self.assertEqual(
            {'secrets': 1, 'containers': 0, 'orders': 0}, self.counts()
        )
        for act in (self.conductor.orders.get, self.conductor.orders.delete):
            with self.assertRaises(errors.NotFound):
                act(self.context, order['id'])

    def test_a_deleted_secret_stays_named(self) -> None:
        order = self.order(**AES)
        assert order['secret_id'] is not None
        self.conductor.secrets.delete(self.context, order['secret_id'])
        self.assertEqual(
            order, self.conductor.orders.get(self.context, order['id'])
        )


class TestPairs(OrderTest):
    def test_is_there_within_the_budget(self) -> None:
        order = self.order('asymmetric', **EC)
        self.assertEqual('ACTIVE', order['status'])
        self.assertIsNone(order['secret_id'])
        assert order['container_id'] is not None
        members = self.members(order['container_id'])
        self.assertEqual({'private_key', 'public_key'}, set(members))
        for name, secret_id in members.items():
            secret = self.conductor.secrets.get(self.context, secret_id)
            self.assertEqual(
                ('pair', name.partition('_')[0], 'EC', 384, base.USER),
                (
                    secret['name'],
                    secret['secret_type'],
                    secret['algorithm'],
                    secret['bit_length'],
                    secret['creator_id'],
                ),
            )
            self.assertEqual(
                'application/octet-stream', secret['content_type']
            )
        private = serialization.load_pem_private_key(
            self.payload(members['private_key']), None
        )
        public = serialization.load_pem_public_key(
            self.payload(members['public_key'])
        )
        self.assertEqual(public, private.public_key())
        self.assertEqual(
            {'secrets': 2, 'containers': 1, 'orders': 1}, self.counts()
        )

    def test_pass_phrase(self) -> None:
        phrase = ' pass phräse '
        order = self.order('asymmetric', **EC, pass_phrase=phrase)
        assert order['container_id'] is not None
        members = self.members(order['container_id'])
        secret_id = members.pop('private_key_passphrase')
        self.assertEqual(phrase.encode(), self.payload(secret_id))
        secret = self.conductor.secrets.get(self.context, secret_id)
        self.assertEqual('passphrase', secret['secret_type'])
        serialization.load_pem_private_key(
            self.payload(members['private_key']), phrase.encode()
        )
        row = self.stored(order['id'])
        self.assertIsNone(row.pass_phrase)
        self.assertNotIn('phr', row.meta)
        self.assertNotIn('phr', json.dumps(order['meta']))

    def test_types_of_containers(self) -> None:
        table = models.table(models.Container)
        for algorithm, bits, expected in (
            ('RSA', 1024, 'rsa'),
            ('dsa', 1024, 'dsa'),
            ('ec', 256, 'generic'),
            ('ed25519', 256, 'generic'),
        ):
            order = self.order(
                'asymmetric', algorithm=algorithm, bit_length=bits, name='n'
            )
            with self.database.reading() as connection:
                container = connection.execute(
                    sa.select(table).where(table.c.id == order['container_id'])
                ).one()
            self.assertEqual(
                (expected, 'n', base.USER),
                (container.type, container.name, container.creator_id),
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
