# SPDX-License-Identifier: Apache-2.0
from secretstore import errors
from secretstore.tests.unit.api.test_new_secret import (
    LIMIT,
    ParseBase,
    binary,
    parse,
    text,
)


class PayloadTest(ParseBase):
    def test_text_types(self) -> None:
        for written in (
            'text/plain',
            'TEXT/plain',
            'text/plain;charset=utf-8',
            'text/plain; charset=UTF-8',
            'text/plain ; charset="utf-8"',
        ):
            with self.subTest(written):
                found = parse(payload='ä', payload_content_type=written)
                self.assertEqual('text/plain', found['content_type'])
                self.assertEqual('ä'.encode(), found['payload'])

    def test_unknown_types(self) -> None:
        for written in (
            '',
            'text/html',
            'text/plain; charset=latin-1',
            'text/plain;format=flowed',
            'application/json',
        ):
            with self.subTest(written):
                self.assert_refused(
                    "payload_content_type is not one of ['text/plain', "
                    "'text/plain;charset=utf-8', 'text/plain; charset=utf-8', "
                    "'application/octet-stream', 'application/pkcs8']",
                    'payload_content_type',
                    payload='x',
                    payload_content_type=written,
                )

    def test_type_and_payload_go_together(self) -> None:
        for declared in ('text/plain', '', None):
            self.assert_refused(
                'payload must be provided when payload_content_type is '
                'specified',
                'payload',
                payload_content_type=declared,
            )
        for more in ({}, {'payload_content_type': None}):
            self.assert_refused(
                "If 'payload' is supplied, 'payload_content_type' must also "
                'be supplied.',
                'payload_content_type',
                payload='x',
                **more,
            )
        self.assertIsNone(parse(payload_content_encoding='base64')['payload'])

    def test_type_and_encoding_go_together(self) -> None:
        self.assert_refused(
            'payload_content_encoding is not one of None',
            'payload_content_encoding',
            payload='x',
            payload_content_type='text/plain',
            payload_content_encoding='base64',
        )
        for binary_type in ('application/octet-stream', 'application/pkcs8'):
            self.assert_refused(
                "payload_content_encoding is not one of ['base64', 'binary']",
                'payload_content_encoding',
                payload='x',
                payload_content_type=binary_type,
            )

    def test_empty(self) -> None:
        reason = "If 'payload' specified, must be non empty"
        with self.assertRaisesRegex(errors.InvalidObject, reason):
            text('')
        for payload in ('', ' \n'):
            with self.assertRaisesRegex(errors.InvalidObject, reason):
                binary(payload)

    def test_limit_counts_bytes_as_they_were_sent(self) -> None:
        self.assertEqual(LIMIT, len(text('x' * LIMIT)['payload'] or b''))
        self.assertEqual(75, len(binary('A' * LIMIT)['payload'] or b''))
        for call, payload in (
            (text, 'x' * (LIMIT + 1)),
            (text, 'ä' * 51),
            (binary, 'A' * (LIMIT + 4)),
        ):
            with self.assertRaises(errors.PayloadTooLarge):
                call(payload)

    def test_surrogates(self) -> None:
        self.assertRaises(errors.InvalidObject, text, 'a\ud800')
        self.assertRaises(errors.InvalidObject, binary, '\udcff')

    def test_bad_base64(self) -> None:
        for payload in (
            '!!!',
            'AAE',
            'AA-_',
            '====',
            'A=B=',
            'AAEC=',
            'AAEC====',
            'ä',
        ):
            with (
                self.subTest(payload),
                self.assertRaisesRegex(
                    errors.InvalidObject,
                    'Invalid payload for payload_content_encoding',
                ),
            ):
                binary(payload)
