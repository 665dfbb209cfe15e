# SPDX-License-Identifier: Apache-2.0
from datetime import datetime
from pathlib import Path
import string
import unittest

from hypothesis import given
from hypothesis import strategies as st

from secretstore import errors
from secretstore.api.keymanager import listing
from secretstore.rpc.interface import SecretQuery
from secretstore.tests.unit.conductor.base import make_conf

BAD = 'URI provided invalid query string parameters.'
CONF = make_conf(Path('none'))


def parse(query_string: str) -> SecretQuery:
    parameters = listing.parse_parameters(query_string)
    return listing.parse_query(parameters, CONF)


class ParseTest(unittest.TestCase):
    def assert_refused(self, *query_strings: str) -> None:
        for query_string in query_strings:
            with (
                self.subTest(query_string),
                self.assertRaises(errors.InvalidInput) as caught,
            ):
                parse(query_string)
            self.assertEqual(BAD, str(caught.exception))

    def test_limit(self) -> None:
        for written, wanted in (
            ('', 10),
            ('5', 5),
            ('0', 1),
            ('-5', 1),
            ('100', 100),
            ('101', 100),
            ('9' * 30, 100),
            ('9' * 5000, 10),
            ('abc', 10),
            ('1.5', 10),
        ):
            with self.subTest(written[:40]):
                self.assertEqual(wanted, parse(f'limit={written}')['limit'])

    def test_offset(self) -> None:
        for written, wanted in (
            ('', 0),
            ('7', 7),
            ('-1', 0),
            ('abc', 0),
            ('1e3', 0),
            ('9' * 30, 0),
            (str(2**63 - 1), 2**63 - 1),
        ):
            with self.subTest(written):
                self.assertEqual(wanted, parse(f'offset={written}')['offset'])

    def test_bits(self) -> None:
        for written, wanted in (
            ('128', 128),
            ('0', None),
            ('-1', None),
            ('abc', None),
            ('128.0', None),
            ('', None),
        ):
            with self.subTest(written):
                self.assertEqual(
                    wanted, parse(f'bits={written}')['bit_length']
                )
        self.assertGreater(parse('bits=' + '9' * 20)['bit_length'] or 0, 32767)

    def test_texts(self) -> None:
        found = parse('name=a+b&alg=%C3%A4&mode=&secret_type=bogus&foo=bar')
        self.assertEqual('a b', found['name'])
        self.assertEqual('ä', found['algorithm'])
        self.assertIsNone(found['mode'])
        self.assertEqual('bogus', found['secret_type'])

    def test_bytes_that_are_not_quoted(self) -> None:
        written = 'name=ä'.encode().decode('latin-1')
        self.assertEqual('ä', parse(written)['name'])
        self.assert_refused(
            'name=\xff', 'name=%FF', 'bogus=%ff', 'name=\u2020'
        )

    def test_nul(self) -> None:
        self.assert_refused('name=a%00', 'x=%00')

    def test_the_last_of_a_repeated_parameter_counts(self) -> None:
        self.assertEqual(2, parse('limit=1&limit=2')['limit'])
        self.assertEqual('b', parse('name=a&name=b')['name'])

    def test_sort(self) -> None:
        for key in listing.SORT_KEYS:
            for written, descending in (
                (key, False),
                (f'{key}:asc', False),
                (f'{key}:desc', True),
            ):
                found = parse(f'sort={written}')['sort']
                self.assertEqual([(key, descending)], found)
        self.assertEqual([], parse('sort=')['sort'])
        self.assertEqual(
            [('mode', True), ('name', False)],
            parse('sort=mode:desc,name')['sort'],
        )
        self.assert_refused(
            'sort=bogus',
            'sort=Name',
            'sort=secret_id',
            'sort=name:up',
            'sort=name:ASC',
            'sort=name:',
            'sort=name:asc:x',
            'sort=name,name',
            'sort=name:asc,name:desc',
            'sort=,',
            'sort=%20name',
        )

    def test_times(self) -> None:
        at = datetime(2026, 11, 22, 2, 0, 45)
        text = '2026-11-22T02:00:45'
        for name in ('created', 'updated', 'expiration'):
            for written, wanted in (
                (text, [('eq', at)]),
                (text + 'Z', [('eq', at)]),
                (f'gt:{text}', [('gt', at)]),
                ('gte:2026-11-22', [('gte', datetime(2026, 11, 22))]),
                (f'gt:{text},lt:{text}', [('gt', at), ('lt', at)]),
                (f'lte:{text},gte:{text}', [('lte', at), ('gte', at)]),
                (f'{text},gt:{text}', [('eq', at), ('gt', at)]),
                ('gt:2026-11-22T04:00:45%2B02:00', [('gt', at)]),
                ('', []),
            ):
                with self.subTest(written):
                    found = parse(f'{name}={written}')
                    self.assertEqual(wanted, [*found[name]])  # type: ignore

    def test_times_that_make_no_sense(self) -> None:
        at = '2026-11-22T02:00:45'
        for name in ('created', 'updated', 'expiration'):
            self.assert_refused(
                *[
                    f'{name}={written}'
                    for written in (
                        'junk',
                        'gt:',
                        'gt:junk',
                        f'eq:{at}',
                        f'ne:{at}',
                        f'GT:{at}',
                        f'gt:%20{at}',
                        f'gt:{at},',
                        f'gt:{at},gt:{at}',
                        f'gt:{at},gte:{at}',
                        f'lt:{at},lte:{at}',
                        f'{at},{at}',
                        '9999-12-31T23:59:59-05:00',
                        '2026-02-30',
                    )
                ]
            )

    def test_marker(self) -> None:
        marker = '6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'
        self.assertEqual(marker, parse(f'marker={marker}')['marker'])
        ref = f'http://keys.example.org/v1/secrets/{marker}'
        self.assertEqual(marker, parse(f'marker={ref}')['marker'])
        for junk in ('', 'x', '%27', '9' * 40):
            self.assertIsNone(parse(f'marker={junk}')['marker'])

    @given(
        st.text()
        | st.lists(
            st.tuples(
                st.sampled_from(
                    ['limit', 'offset', 'bits', 'sort', 'created', 'marker']
                ),
                st.text(string.digits + ':,.-+TZgtle% _abc\xff'),
            )
        ).map(lambda pairs: '&'.join('='.join(pair) for pair in pairs))
    )
    def test_any_query_string(self, query_string: str) -> None:
        try:
            found = parse(query_string)
        except errors.InvalidInput as error:
            self.assertEqual(BAD, str(error))
        else:
            self.assertTrue(1 <= found['limit'] <= 100)
            self.assertTrue(0 <= found['offset'] < 2**63)
