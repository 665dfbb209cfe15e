# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta
import math
from typing import Any
import unittest
import uuid

from secretstore import errors
from secretstore.api.errors import IssueSeen
from secretstore.api.keymanager import new_secret
from secretstore.rpc.interface import NewSecret

LIMIT = 100


def parse(**data: Any) -> NewSecret:
    return new_secret.parse(data, LIMIT)


def text(payload: str, **more: Any) -> NewSecret:
    return parse(payload=payload, payload_content_type='text/plain', **more)


def binary(payload: str, **more: Any) -> NewSecret:
    return parse(
        payload=payload,
        payload_content_type='application/octet-stream',
        payload_content_encoding='base64',
        **more,
    )


class ParseBase(unittest.TestCase):
    def assert_refused(self, reason: str, prop: str, **data: Any) -> None:
        with self.assertRaises(errors.InvalidObject) as caught:
            parse(**data)
        self.assertEqual(
            f"Provided object does not match schema 'Secret': {reason}. "
            f"Invalid property: '{prop}'",
            str(caught.exception),
        )


class ParseTest(ParseBase):
    def test_defaults(self) -> None:
        self.assertEqual(
            {
                'name': None,
                'secret_type': 'opaque',
                'algorithm': None,
                'bit_length': None,
                'mode': None,
                'expiration': None,
                'content_type': None,
                'payload': None,
            },
            parse(),
        )

    def test_everything(self) -> None:
        found = binary(
            'AAEC',
            name='key',
            secret_type='symmetric',
            algorithm='aes',
            bit_length=256,
            mode='xts',
            expiration='2999-01-02T03:04:05.678+01:00',
            unknown={'a': [1]},
            transport_key_needed='false',
        )
        self.assertEqual(
            {
                'name': 'key',
                'secret_type': 'symmetric',
                'algorithm': 'aes',
                'bit_length': 256,
                'mode': 'xts',
                'expiration': datetime(2999, 1, 2, 2, 4, 5, 678000),
                'content_type': 'application/octet-stream',
                'payload': b'\0\1\2',
            },
            found,
        )

    def test_strings_are_stripped_but_the_payload_is_not(self) -> None:
        found = text(
            ' a b\n', name='  n ', algorithm=' aes ', secret_type=' opaque '
        )
        self.assertEqual(b' a b\n', found['payload'])
        self.assertEqual('n', found['name'])
        self.assertEqual('aes', found['algorithm'])

    def test_what_is_no_object(self) -> None:
        for data in (None, True, 1, 'x', [], math.nan):
            with (
                self.subTest(repr(data)),
                self.assertRaises(errors.InvalidObject) as caught,
            ):
                new_secret.parse(data, LIMIT)
            self.assertIn(
                "it is not of type 'object'. Invalid property: 'None'",
                str(caught.exception),
            )

    def test_types(self) -> None:
        for prop, value, wanted in (
            ('name', 1, "'string', 'null'"),
            ('algorithm', None, "'string'"),
            ('mode', [], "'string'"),
            ('bit_length', '128', "'integer'"),
            ('bit_length', True, "'integer'"),
            ('bit_length', 1.5, "'integer'"),
            ('bit_length', math.inf, "'integer'"),
            ('expiration', None, "'string'"),
            ('payload_content_type', 1, "'string', 'null'"),
            ('transport_key_id', 1, "'string'"),
        ):
            with self.subTest(f'{prop} {value!r}'):
                self.assert_refused(
                    f'{value!r} is not of type {wanted}', prop, **{prop: value}
                )

    def test_a_payload_is_not_told_back(self) -> None:
        for value in (17, ['s3cret'], {'s3cret': 1}):
            self.assert_refused(
                "it is not of type 'string'", 'payload', payload=value
            )

    def test_lengths(self) -> None:
        for prop in ('name', 'algorithm', 'mode'):
            with self.subTest(prop):
                parse(**{prop: 'x' * 255})
                value = 'x' * 256
                self.assert_refused(
                    f'{value!r} is too long', prop, **{prop: value}
                )

    def test_choices(self) -> None:
        for secret_type in new_secret.SECRET_TYPES:
            found = parse(secret_type=secret_type)
            self.assertEqual(secret_type, found['secret_type'])
        for prop, value in (
            ('secret_type', 'Opaque'),
            ('payload_content_encoding', 'BASE64'),
            ('transport_key_needed', 'yes'),
        ):
            with (
                self.subTest(prop),
                self.assertRaises(errors.InvalidObject) as caught,
            ):
                parse(**{prop: value})
            self.assertIn('is not one of [', str(caught.exception))

    def test_bit_length(self) -> None:
        for good in (1, 7, 512, 32767, 256.0):
            self.assertEqual(int(good), parse(bit_length=good)['bit_length'])
        self.assertIs(int, type(parse(bit_length=256.0)['bit_length']))
        for bad in (0, -1, 32768, 1e300):
            with self.subTest(bad):
                self.assertRaises(errors.InvalidObject, parse, bit_length=bad)

    def test_texts_that_no_database_stores(self) -> None:
        for prop in ('name', 'algorithm', 'mode'):
            for value in ('a\0b', '\ud800'):
                with self.subTest(prop):
                    self.assert_refused(
                        'NUL and unpaired surrogates are not allowed',
                        prop,
                        **{prop: value},
                    )

    def test_transport_key(self) -> None:
        key_id = str(uuid.uuid4())
        for data, needed in (
            ({'transport_key_needed': ' true '}, True),
            ({'transport_key_needed': 'false'}, False),
            ({}, False),
        ):
            wanted = new_secret.wants_transport_key(data, parse(**data))
            self.assertEqual(needed, wanted)
        secret = text('x', transport_key_needed='true')
        self.assertFalse(
            new_secret.wants_transport_key(
                {'transport_key_needed': 'true'}, secret
            )
        )
        # Without a payload it means nothing.
        self.assertNotIn('transport_key_id', parse(transport_key_id='x'))
        with self.assertRaises(IssueSeen) as caught:
            text('sealed by the client', transport_key_id='x')
        self.assertIn('transport key was not found', str(caught.exception))
        secret = text('AAAA', transport_key_id=key_id)
        self.assertEqual(bytes(3), secret['payload'])
        self.assertEqual(key_id, secret['transport_key_id'])


class ExpirationTest(ParseBase):
    def test_forms(self) -> None:
        for written, read in (
            ('2999', datetime(2999, 1, 1)),
            ('2999-05-06', datetime(2999, 5, 6)),
            ('2999-05-06T07:08:09', datetime(2999, 5, 6, 7, 8, 9)),
            ('2999-05-06 07:08:09Z', datetime(2999, 5, 6, 7, 8, 9)),
            ('2999-05-06T07:08:09-01:00', datetime(2999, 5, 6, 8, 8, 9)),
            ('29990506T070809', datetime(2999, 5, 6, 7, 8, 9)),
            ('', None),
        ):
            with self.subTest(written):
                found = parse(expiration=written)
                self.assertEqual(read, found['expiration'])

    def test_what_is_no_date(self) -> None:
        for written in (
            'soon',
            '2999-13-01',
            '2999-02-30',
            '2999-01-01T25:00:00',
            '9999-12-31T23:59:59-05:00',
            '0001-01-01T00:00:00+05:00',
        ):
            with self.subTest(written):
                self.assert_refused(
                    "Invalid date for 'expiration'",
                    'expiration',
                    expiration=written,
                )

    def test_what_is_over(self) -> None:
        just_now = datetime.now(UTC) - timedelta(seconds=1)
        for written in ('2000-01-01', just_now.isoformat()):
            with self.subTest(written):
                self.assert_refused(
                    "'expiration' is before current time",
                    'expiration',
                    expiration=written,
                )
