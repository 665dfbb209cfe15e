# SPDX-License-Identifier: Apache-2.0
import base64
import time
import unittest

from hypothesis import given
from hypothesis import strategies as st

from secretstore.api.errors import IssueSeen
from secretstore.api.keymanager import content
from secretstore.rpc.interface import Payload

TEXT = 'text/plain; charset=UTF-8'
BINARY = 'application/octet-stream'
PKCS8 = 'application/pkcs8'
REFUSED = 'refused'

# What is stored in the columns, what is asked for in the lines.
STORED = {
    'text': Payload('text/plain', 'ä'.encode()),
    'text of bytes': Payload('text/plain', b'\x80\xff'),
    'bytes': Payload(BINARY, b'\x80\xff'),
    'bytes of text': Payload(BINARY, b'text'),
    'pkcs8': Payload(PKCS8, b'\x80\xff'),
}
MATRIX: dict[str | None, list[str]] = {
    None: [TEXT, BINARY, BINARY, BINARY, PKCS8],
    '': [TEXT, BINARY, BINARY, BINARY, PKCS8],
    '*/*': [TEXT, BINARY, BINARY, BINARY, PKCS8],
    'text/plain': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    'text/plain;charset=utf-8': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    'text/plain; charset=UTF-8': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    'text/plain ; charset="utf-8"': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    'TEXT/PLAIN': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    'text/plain;q=0.5': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    'text/*': [TEXT, REFUSED, REFUSED, TEXT, REFUSED],
    BINARY: [BINARY] * 5,
    'Application/Octet-Stream': [BINARY] * 5,
    PKCS8: [PKCS8] * 5,
    'application/*': [BINARY, BINARY, BINARY, BINARY, PKCS8],
    'text/plain, */*': [TEXT, BINARY, BINARY, BINARY, PKCS8],
    'text/plain, application/octet-stream;q=0.1': [
        TEXT,
        BINARY,
        BINARY,
        TEXT,
        BINARY,
    ],
    'text/plain; charset=latin-1': [REFUSED] * 5,
    'text/html': [REFUSED] * 5,
    'application/json': [REFUSED] * 5,
    'text/plain;q=0': [REFUSED] * 5,
}


class NegotiateTest(unittest.TestCase):
    def test_matrix(self) -> None:
        for accept, answers in MATRIX.items():
            for (name, payload), wanted in zip(
                STORED.items(), answers, strict=True
            ):
                with self.subTest(f'{name} as {accept}'):
                    try:
                        found = content.negotiate(accept, payload)
                    except IssueSeen as issue:
                        self.assertEqual(406, issue.status)
                        found = REFUSED
                    self.assertEqual(wanted, found)

    @given(st.text() | st.text('atex/plicon;,=q.0159*" \t', max_size=60))
    def test_any_header(self, accept: str) -> None:
        content.wants_payload(accept)
        for payload in STORED.values():
            try:
                content.negotiate(accept, payload)
            except IssueSeen as issue:
                self.assertEqual(406, issue.status)

    def test_long_headers_take_no_time(self) -> None:
        for header in (
            'a' + ' ' * 200_000 + 'b',
            'text/plain;' + ' ' * 200_000 + 'x',
            'text/plain' + '; ' * 100_000,
        ):
            start = time.process_time()
            content.wants_payload(header)
            content.normalize(header)
            # It was minutes: quadratic in the number of blanks.
            self.assertLess(time.process_time() - start, 5)


class WantsPayloadTest(unittest.TestCase):
    def test_json_means_metadata(self) -> None:
        for accept in (
            None,
            '',
            '*/*',
            'application/json',
            'application/json;q=0.9',
            'application/json, text/plain',
            'application/*',
        ):
            with self.subTest(accept):
                self.assertFalse(content.wants_payload(accept))

    def test_payload_types_mean_the_payload(self) -> None:
        for accept in (
            'text/plain',
            'text/plain; charset=utf-8',
            'text/*',
            'application/octet-stream',
            'application/pkcs8',
            'application/json;q=0.1, text/plain',
            'text/html',
        ):
            with self.subTest(accept):
                self.assertTrue(content.wants_payload(accept))


class Base64Test(unittest.TestCase):
    @given(st.binary(), st.integers(1, 80))
    def test_round_trip(self, data: bytes, width: int) -> None:
        encoded = base64.b64encode(data)
        lines = [
            encoded[start : start + width]
            for start in range(0, len(encoded), width)
        ]
        for text in (encoded, b'\r\n'.join(lines), b' ' + encoded + b'\n'):
            self.assertEqual(data, content.decode_base64(text))

    @given(st.binary(max_size=12))
    def test_what_is_accepted_is_base64(self, text: bytes) -> None:
        try:
            data = content.decode_base64(text)
        except ValueError:
            return
        packed = b''.join(text.split())
        # All but the bits that the last character may have left over.
        again = base64.b64encode(data)
        self.assertEqual(len(packed), len(again))
        self.assertEqual(packed[:-3], again[:-3])

    def test_what_is_not(self) -> None:
        for text in (
            b'A',
            b'AA',
            b'AAE',
            b'AA=',
            b'AAEC=',
            b'AAEC====',
            b'====',
            b'AA==AA==',
            b'AA-_',
            b'AA\x0bEC',
            b'\xff\xfe',
            b'!!!!',
        ):
            with self.subTest(text):
                self.assertRaises(ValueError, content.decode_base64, text)
