# SPDX-License-Identifier: Apache-2.0
import datetime
import json

from cryptography.hazmat.primitives import serialization
import sqlalchemy as sa

from secretstore import errors
from secretstore.db import models
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.order_base import AES, EC, OrderTest


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
