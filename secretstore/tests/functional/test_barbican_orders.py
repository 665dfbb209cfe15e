# SPDX-License-Identifier: Apache-2.0
"""Key orders in a real Barbican that go wrong leave nothing behind."""

from http import server
from unittest import mock

from secretstore import errors
from secretstore.security import barbican_orders, delivery, remote_barbican
from secretstore.tests.functional import base, custody
from secretstore.tests.functional.services import proxy

NAME = 'made in vain'
SPEC = delivery.AES_256_CBC


class _Interrupted(proxy.Proxy):
    """A proxy that breaks down once, when an order is first looked at."""

    broken = False

    def answer(self, request: server.BaseHTTPRequestHandler) -> None:
        looked_at = request.path.startswith('/v1/orders/')
        if self.broken or request.command == 'POST' or not looked_at:
            super().answer(request)
            return
        self.broken = True
        request.send_response_only(502)
        request.send_header('Content-Length', '0')
        request.send_header('Connection', 'close')
        request.end_headers()


class _Forgetful(proxy.Proxy):
    """A proxy that does not pass on what Barbican answers to an order."""

    def altered(self, path: str, body: bytes) -> bytes:
        return b'' if path.rstrip('/') == '/v1/orders' else body


class _Unhurried(proxy.Proxy):
    """A proxy that lets no order look done."""

    def altered(self, path: str, body: bytes) -> bytes:
        if path.startswith('/v1/orders/'):
            return body.replace(b'"ACTIVE"', b'"PENDING"')
        return body


class _Slow(_Interrupted):
    """One whose orders then go on for one more look."""

    looks = 0

    def altered(self, path: str, body: bytes) -> bytes:
        if path.startswith('/v1/orders/') and b'"ACTIVE"' in body:
            self.looks += 1
            if self.looks == 1:
                return body.replace(b'"ACTIVE"', b'"PENDING"')
        return body


class TestOrders(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        self.url = custody.custodian().url
        self.client = custody.client(self.url)
        self.before = self.stored()

    def stored(self) -> tuple[set[str], set[str]]:
        """The references of all orders, and of all secrets of this name."""
        orders = self.client.orders.list(limit=100)
        secrets = self.client.secrets.list(limit=100, name=NAME)
        return (
            {order.order_ref for order in orders},
            {secret.secret_ref for secret in secrets},
        )

    def order(self, url: str, spec: delivery.KeySpec = SPEC) -> str:
        conf = custody.conf(custody.of(url))
        found = remote_barbican.RemoteBarbican(conf)
        return barbican_orders.order(found, NAME, spec)

    def refused(self, url: str, spec: delivery.KeySpec = SPEC) -> str:
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            self.order(url, spec)
        return caught.exception.message

    def assert_made(self, secret_id: str) -> None:
        orders, secrets = self.stored()
        self.assertEqual(self.before[0], orders)
        (made,) = secrets - self.before[1]
        self.assertTrue(made.endswith(secret_id))

    def test_one_that_fails(self) -> None:
        message = self.refused(self.url, SPEC._replace(bit_length=136))
        self.assertRegex(message, 'order [0-9a-f-]{36} failed: ')
        self.assertEqual(self.before, self.stored())

    def test_interrupted(self) -> None:
        """Whoever waits for the key gets it nevertheless."""
        with _Interrupted(self.url) as between:
            self.assert_made(self.order(between.url))
        self.assertTrue(between.broken)

    def test_done_after_it_was_interrupted(self) -> None:
        with _Slow(self.url) as between:
            self.assert_made(self.order(between.url))
        self.assertEqual(2, between.looks)

    def test_interrupted_until_it_is_too_late(self) -> None:
        with (
            _Interrupted(self.url) as between,
            mock.patch.object(barbican_orders, '_ORDER_SECONDS', -1),
        ):
            self.assertIn('HTTPServerError', self.refused(between.url))
        self.assertEqual(self.before, self.stored())

    def test_who_placed_it_does_not_hear_of_it(self) -> None:
        with (
            _Forgetful(self.url) as between,
            self.assertLogs(barbican_orders.LOG, 'WARNING') as logs,
        ):
            self.refused(between.url)
        self.assertIn(f'a key order named {NAME!r}', logs.output[0])

    def test_none_that_was_surely_not_placed(self) -> None:
        """Nobody has to look for it."""
        conf = custody.conf(custody.of(self.url))
        with proxy.Proxy(self.url) as between:
            conf.set_override('barbican_url', between.url, 'barbican')
            found = remote_barbican.RemoteBarbican(conf)
            found.check()
        for spec in (SPEC, SPEC._replace(algorithm='')):
            with (
                self.assertNoLogs(barbican_orders.LOG, 'WARNING'),
                self.assertRaises(errors.MasterKeyUnavailable) as caught,
            ):
                barbican_orders.order(found, NAME, spec)
            self.assertIn('a key order failed', caught.exception.message)
            # The second time it is asked itself, and refuses.
            found = remote_barbican.RemoteBarbican(
                custody.conf(custody.of(self.url))
            )
        self.assertIn('Bad Request', caught.exception.message)
        self.assertEqual(self.before, self.stored())

    def test_one_that_takes_too_long(self) -> None:
        """Its key may still be made: it is for an operator to remove both."""
        with (
            _Unhurried(self.url) as between,
            mock.patch.object(barbican_orders, '_ORDER_SECONDS', 0.1),
            self.assertLogs(barbican_orders.LOG, 'WARNING') as logs,
        ):
            message = self.refused(between.url)
        self.assertIn('is still not done', message)
        (order,) = self.stored()[0] - self.before[0]
        self.assertIn(order.rpartition('/')[2], logs.output[0])
