# SPDX-License-Identifier: Apache-2.0
from datetime import datetime
import math
from typing import Any
import unittest

from secretstore import errors
from secretstore.api.keymanager import new_order
from secretstore.rpc.interface import NewOrder

AES: dict[str, Any] = {'algorithm': 'aes', 'bit_length': 256}
RSA: dict[str, Any] = {'algorithm': 'rsa', 'bit_length': 2048}


def parse(order_type: str = 'key', **meta: Any) -> NewOrder:
    return new_order.parse({'type': order_type, 'meta': meta})


class NewOrderTest(unittest.TestCase):
    def assert_refused(self, message: str, data: Any) -> None:
        with self.assertRaises(errors.InvalidInput) as caught:
            new_order.parse(data)
        self.assertEqual(message, str(caught.exception))

    def assert_meta_refused(
        self, reason: str, order_type: str = 'key', **meta: Any
    ) -> None:
        self.assert_refused(
            f"Provided object does not match schema 'Order': {reason}. "
            "Invalid property: 'meta'",
            {'type': order_type, 'meta': meta},
        )


class TestKey(NewOrderTest):
    def test_least(self) -> None:
        self.assertEqual(
            {
                'type': 'key',
                'meta': {**AES, 'name': None},
                'expiration': None,
                'pass_phrase': None,
            },
            parse(**AES),
        )

    def test_all_of_meta_is_kept(self) -> None:
        meta = {
            **AES,
            'name': 'n',
            'mode': 'xts',
            'payload_content_type': 'text/plain; charset=utf-8',
            'secret_type': 'private',
            'creator_id': 'somebody else',
            'mine': {'deep': [1, 2.5, None, True, 'ü']},
        }
        self.assertEqual(meta, parse(**meta)['meta'])

    def test_texts_are_stripped(self) -> None:
        order = new_order.parse(
            {
                'type': ' key ',
                'meta': {'algorithm': ' aes ', 'bit_length': 8, 'name': ' '},
            }
        )
        self.assertEqual('key', order['type'])
        self.assertEqual('aes', order['meta']['algorithm'])
        self.assertEqual('', order['meta']['name'])

    def test_expiration(self) -> None:
        order = parse(**AES, expiration='2090-01-01T00:00:00+02:00')
        self.assertEqual(datetime(2089, 12, 31, 22), order['expiration'])

    def test_required(self) -> None:
        for name in AES:
            rest = {key: value for key, value in AES.items() if key != name}
            for order_type, kind in (
                ('key', 'key'),
                ('asymmetric', 'asymmetric key'),
            ):
                self.assert_meta_refused(
                    f"'{name}' is required field for {kind} type order",
                    order_type,
                    **rest,
                )

    def test_type(self) -> None:
        for wrong, reason in (
            (
                'certificate',
                "'certificate' is not one of ['key', 'asymmetric']",
            ),
            ('KEY', "'KEY' is not one of ['key', 'asymmetric']"),
            (5, "5 is not of type 'string'"),
        ):
            self.assert_refused(
                f"Provided object does not match schema 'Order': {reason}. "
                "Invalid property: 'type'",
                {'type': wrong, 'meta': AES},
            )

    def test_like_a_secret(self) -> None:
        self.assert_refused(
            "Provided object does not match schema 'Secret' within 'Order': "
            "0 is less than the minimum of 1. Invalid property: 'bit_length'",
            {'type': 'key', 'meta': AES | {'bit_length': 0}},
        )
        self.assert_refused(
            "Provided object does not match schema 'Secret' within 'Order': "
            "'expiration' is before current time. Invalid property: "
            "'expiration'",
            {'type': 'key', 'meta': AES | {'expiration': '2000-01-01'}},
        )

    def test_payload(self) -> None:
        for order_type in ('key', 'asymmetric'):
            self.assert_meta_refused(
                f"'payload' not allowed for {order_type} type order",
                order_type,
                **AES,
                payload='x',
            )

    def test_bit_length(self) -> None:
        for algorithm, bits in (
            ('aes', 129),
            ('ec', 512),
            ('EC', 128),
            ('rsa', 521),
        ):
            self.assert_refused(
                'Provided field value is not supported',
                {
                    'type': 'asymmetric',
                    'meta': {'algorithm': algorithm, 'bit_length': bits},
                },
            )
        for bits in (256, 384, 521):
            parse('asymmetric', algorithm='EC', bit_length=bits)

    def test_what_cannot_be_kept(self) -> None:
        for value in (math.nan, math.inf, '\ud800', ['\udfff']):
            self.assert_meta_refused(
                'numbers must be finite, and unpaired surrogates are not '
                'allowed',
                **AES,
                mine=value,
            )
        self.assert_meta_refused(
            'it is longer than 65000 bytes', **AES, mine=[1e15] * 5000
        )
        parse(**AES, mine='\0 ü \U0001f511')


class TestPassPhrase(NewOrderTest):
    def test_is_taken_out(self) -> None:
        for name in new_order.PASS_PHRASES:
            order = parse('asymmetric', **RSA, **{name: ' wörds '})
            self.assertEqual(' wörds ', order['pass_phrase'])
            self.assertEqual({**RSA, 'name': None}, order['meta'])

    def test_of_both_barbicans_own(self) -> None:
        order = parse('asymmetric', **RSA, pass_phrase='one', passphrase='two')
        self.assertEqual('two', order['pass_phrase'])

    def test_none(self) -> None:
        for value in ('', None):
            order = parse('asymmetric', **RSA, passphrase=value)
            self.assertIsNone(order['pass_phrase'])
            self.assertNotIn('passphrase', order['meta'])

    def test_means_nothing_to_a_key_but_is_not_kept(self) -> None:
        order = parse(**AES, passphrase='hush', pass_phrase=5)
        self.assertIsNone(order['pass_phrase'])
        self.assertEqual({**AES, 'name': None}, order['meta'])

    def test_is_not_repeated_of_meta_that_is_none(self) -> None:
        for meta in ('hush', [{'passphrase': 'hush'}]):
            self.assert_refused(
                "Provided object does not match schema 'Order': it is not of "
                "type 'object'. Invalid property: 'meta'",
                {'type': 'asymmetric', 'meta': meta},
            )

    def test_is_not_repeated(self) -> None:
        for value, reason in (
            (987654, "'passphrase' is not of type 'string'"),
            (['hush'], "'passphrase' is not of type 'string'"),
            ('ü' * 512, "'passphrase' is longer than 1023 bytes"),
            ('\ud800', 'unpaired surrogates are not allowed'),
        ):
            self.assert_meta_refused(
                reason, 'asymmetric', **RSA, passphrase=value
            )
