# SPDX-License-Identifier: Apache-2.0
"""Creating with an id that the caller chose, once and again."""

from datetime import timedelta
from typing import Any
import uuid

from secretstore import errors
from secretstore.conductor import repeats
from secretstore.conductor.common import utcnow
from secretstore.rpc.interface import ContainerSecret
from secretstore.tests.unit.api.sealing import SealingTest
from secretstore.tests.unit.conductor.base import (
    context,
    new_secret,
    query,
    text_secret,
)
from secretstore.tests.unit.conductor.order_base import (
    AES,
    EC,
    OrderTest,
    new_order,
)

TAKEN = '^The id that was chosen is taken'


class RepeatsTest(OrderTest):
    def setUp(self) -> None:
        super().setUp()
        self.new_id = str(uuid.uuid4())
        self.other = context(project_id=uuid.uuid4().hex)
        self.colleague = context(
            project_id=self.context.project_id, user_id='another'
        )

    def assert_taken(self, create: Any, *args: Any) -> None:
        before = self.counts()
        with self.assertRaisesRegex(errors.Conflict, TAKEN):
            create(*args)
        self.assertEqual(before, self.counts())


class SecretsTest(RepeatsTest):
    def create(self, secret: Any, who: Any = None) -> str:
        return self.conductor.secrets.create(
            who or self.context, secret, self.new_id
        )

    def test_again_is_once(self) -> None:
        full = text_secret() | {
            'name': 'n',
            'algorithm': 'aes',
            'bit_length': 256,
            'mode': 'cbc',
            'expiration': utcnow() + timedelta(days=1, microseconds=7),
        }
        for secret in (full, new_secret(), text_secret(b'\0' * 5000)):
            self.new_id = str(uuid.uuid4())
            before = self.counts()
            for _ in range(3):
                self.assertEqual(self.new_id, self.create(secret))
            after = self.counts()
            self.assertEqual(before['secrets'] + 1, after['secrets'])
        self.assertEqual(b'\0' * 5000, self.payload(self.new_id))

    def test_something_else_has_the_id(self) -> None:
        secret = text_secret(b'one')
        self.create(secret)
        for different in (
            {'name': 'n'},
            {'payload': b'two'},
            {'payload': None, 'content_type': None},
            {'content_type': 'application/octet-stream'},
            {'expiration': utcnow() + timedelta(days=1)},
            {'secret_type': 'passphrase'},
            {'bit_length': 1},
        ):
            self.assert_taken(self.create, secret | different)
        for who in (self.other, self.colleague):
            self.assert_taken(self.create, secret, who)
        self.assertEqual(b'one', self.payload(self.new_id))
        self.assertEqual(
            0, self.conductor.secrets.page(self.other, query()).total
        )

    def test_the_quota_is_not_asked_again(self) -> None:
        admin = context('key-manager:service-admin', 'admin')
        self.conductor.quotas.put(
            admin,
            self.context.project_id or '',
            {
                'secrets': 1,
                'orders': None,
                'containers': None,
                'consumers': None,
                'cas': None,
            },
        )
        for _ in range(2):
            self.create(text_secret())
        with self.assertRaises(errors.QuotaReached):
            self.conductor.secrets.create(self.context, text_secret())

    def test_what_is_no_id(self) -> None:
        for wrong in (
            '',
            'x',
            self.new_id.upper(),
            self.new_id.replace('-', ''),
            f'{{{self.new_id}}}',
            f'urn:uuid:{self.new_id}',
            f'{self.new_id}\n',
            str(uuid.uuid1()),
            '00000000-0000-0000-0000-000000000000',
            '../' * 12,
        ):
            with self.assertRaises(errors.InvalidInput):
                repeats.new_id(wrong)
            with self.assertRaises(errors.InvalidInput):
                self.conductor.secrets.create(
                    self.context, new_secret(), wrong
                )
        self.assertEqual(0, self.counts()['secrets'])

    def test_gone_by_now(self) -> None:
        self.create(text_secret())
        self.conductor.secrets.delete(self.context, self.new_id)
        # Nobody knows any more that it was there.
        self.assertEqual(self.new_id, self.create(text_secret()))


class ContainersTest(RepeatsTest):
    def create(self, *secrets: Any, who: Any = None, **fields: Any) -> str:
        new: Any = {'name': 'n', 'type': 'generic', 'secrets': secrets}
        return self.conductor.containers.create(
            who or self.context, new | fields, self.new_id
        )

    def secret(self, name: str | None) -> ContainerSecret:
        made = self.conductor.secrets.create(self.context, new_secret())
        return ContainerSecret(made, name)

    def test_again_is_once(self) -> None:
        for secrets in ((), (self.secret('b'), self.secret(None))):
            self.new_id = str(uuid.uuid4())
            before = self.counts()
            for _ in range(3):
                self.assertEqual(self.new_id, self.create(*secrets))
            self.assertEqual(
                before['containers'] + 1, self.counts()['containers']
            )

    def test_something_else_has_the_id(self) -> None:
        one, two = self.secret('a'), self.secret('b')
        self.create(one)
        self.assert_taken(self.create)
        self.assert_taken(self.create, two)
        self.assert_taken(self.create, one, two)
        self.assert_taken(self.create, one._replace(name='c'))
        for different in ({'name': None}, {'type': 'certificate'}):
            self.assert_taken(lambda more=different: self.create(one, **more))
        self.assert_taken(lambda: self.create(one, who=self.colleague))
        self.assert_taken(lambda: self.create(who=self.other))


class OrdersTest(RepeatsTest):
    def create(self, order: Any, who: Any = None) -> str:
        return self.conductor.orders.create(
            who or self.context, order, self.new_id
        )

    def test_again_is_once(self) -> None:
        wrong = {'algorithm': 'aes', 'bit_length': 7}
        for order, made in (
            (new_order(**AES), 1),
            (new_order('asymmetric', **EC), 2),
            (new_order('asymmetric', pass_phrase='secret', **EC), 3),
            (new_order(**wrong), 0),
        ):
            self.new_id = str(uuid.uuid4())
            before = self.counts()
            self.create(order)
            first = self.conductor.orders.get(self.context, self.new_id)
            self.assertIn(first['status'], ('ACTIVE', 'ERROR'))
            for _ in range(2):
                self.assertEqual(self.new_id, self.create(order))
            self.assertEqual(
                first, self.conductor.orders.get(self.context, self.new_id)
            )
            after = self.counts()
            self.assertEqual(before['orders'] + 1, after['orders'])
            self.assertEqual(before['secrets'] + made, after['secrets'])

    def test_something_else_has_the_id(self) -> None:
        order = new_order(**AES)
        self.create(order)
        for different in (
            new_order(**AES | {'name': 'x'}),
            new_order(**AES | {'bit_length': 128}),
            new_order('asymmetric', **EC),
            new_order(expiration=utcnow() + timedelta(days=1), **AES),
        ):
            self.assert_taken(self.create, different)
        for who in (self.other, self.colleague):
            self.assert_taken(self.create, order, who)


class SealedPayloadTest(SealingTest):
    def test_again_is_once(self) -> None:
        secret_id = str(uuid.uuid4())
        made = {
            self.conductor.secrets.create_for_transport(
                context(project_id=self.project), new_secret(), secret_id
            )
            for _ in range(2)
        }
        ((created, _),) = made
        self.assertEqual(secret_id, created)
