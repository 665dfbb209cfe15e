# SPDX-License-Identifier: Apache-2.0
from datetime import datetime
from pathlib import Path
import string
import unittest
import urllib.parse

from hypothesis import given
from hypothesis import strategies as st

from secretstore import errors
from secretstore.api.keymanager import listing
from secretstore.rpc.interface import SecretQuery
from secretstore.tests.unit.api.base import ApiTest
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


class ListTest(ApiTest):
    def page(self, query: str = '') -> dict[str, object]:
        answer = self.get('/v1/secrets?' + query)
        self.assertEqual(200, answer.status_int, answer.text)
        found: dict[str, object] = answer.json
        return found

    def names(self, query: str = '') -> list[str]:
        secrets = self.page(query)['secrets']
        return [secret['name'] for secret in secrets]  # type: ignore

    def parameters(self, link: object) -> dict[str, str]:
        split = urllib.parse.urlsplit(str(link))
        self.assertEqual('/v1/secrets', split.path)
        pairs = urllib.parse.parse_qsl(split.query, keep_blank_values=True)
        return dict(pairs)

    def test_empty(self) -> None:
        answer = self.get('/v1/secrets')
        self.assertEqual(b'{"secrets": [], "total": 0}', answer.body)

    def test_only_of_the_own_project(self) -> None:
        self.store(name='mine')
        self.headers['X-Project-Id'] = 'one without secrets'
        self.assertEqual(0, self.page()['total'])

    def test_links_of_a_walk(self) -> None:
        stored = [f's{number}' for number in range(7)]
        for name in stored:
            self.store(name=name)
        first = self.page('limit=3&foo=b%26r&name=')
        self.assertEqual(['secrets', 'next', 'total'], [*first])
        following = self.parameters(first['next'])
        self.assertEqual(
            ['limit', 'offset', 'foo', 'name', 'marker'], [*following]
        )
        self.assertEqual(
            ('3', '3', 'b&r', ''),
            (
                following['limit'],
                following['offset'],
                following['foo'],
                following['name'],
            ),
        )
        last_id = first['secrets'][-1]['secret_ref'][-36:]  # type: ignore
        self.assertEqual(last_id, following['marker'])
        seen = [secret['name'] for secret in first['secrets']]  # type: ignore
        page = first
        while 'next' in page:
            query = urllib.parse.urlsplit(str(page['next'])).query
            page = self.page(query)
            seen += [s['name'] for s in page['secrets']]  # type: ignore
            self.assertEqual(7, page['total'])
        self.assertEqual(stored, seen)
        self.assertEqual(['secrets', 'previous', 'total'], [*page])
        back = self.parameters(page['previous'])
        self.assertEqual(('3', '3'), (back['limit'], back['offset']))
        self.assertNotIn('marker', back)

    def test_previous_does_not_start_before_the_first(self) -> None:
        for number in range(3):
            self.store(name=f's{number}')
        back = self.parameters(self.page('limit=2&offset=1')['previous'])
        self.assertEqual('0', back['offset'])

    def test_past_the_end(self) -> None:
        self.store(name='one')
        for query in ('offset=1', 'offset=9223372036854775807'):
            self.assertEqual({'secrets': [], 'total': 1}, self.page(query))

    def test_a_sorted_list_has_no_marker(self) -> None:
        for name in 'bca':
            self.store(name=name)
        page = self.page('limit=2&sort=name:desc')
        following = self.parameters(page['next'])
        self.assertEqual(
            {'limit': '2', 'offset': '2', 'sort': 'name:desc'}, following
        )
        self.assertEqual(['a'], self.names(urllib.parse.urlencode(following)))

    def test_a_foreign_or_gone_marker_falls_back_to_the_offset(self) -> None:
        paths = [self.store(name=f's{number}') for number in range(3)]
        gone = paths[0][-36:]
        self.assertEqual(['s1', 's2'], self.names(f'offset=1&marker={gone}'))
        self.call('DELETE', paths[0])
        self.assertEqual(['s2'], self.names(f'offset=1&marker={gone}'))
        self.headers['X-Project-Id'] = 'another'
        self.store(name='theirs')
        self.assertEqual(['theirs'], self.names(f'marker={paths[1][-36:]}'))

    def test_filters(self) -> None:
        self.store(
            name='a',
            algorithm='aes',
            bit_length=128,
            mode='cbc',
            secret_type='symmetric',
            expiration='2999-01-01',
        )
        self.store_text(name='b')
        for query, wanted in (
            ('name=a', ['a']),
            ('name=nope', []),
            ('alg=aes', ['a']),
            ('mode=cbc', ['a']),
            ('bits=128', ['a']),
            ('bits=99999999999999999999', []),
            ('bits=junk', ['a', 'b']),
            ('secret_type=symmetric', ['a']),
            ('secret_type=opaque', ['b']),
            ('secret_type=bogus', []),
            ('created=gt:2000-01-01', ['a', 'b']),
            ('created=lt:2000-01-01', []),
            ('updated=gte:2000-01-01,lt:2999-01-01', ['a', 'b']),
            ('expiration=2999-01-01', ['a']),
            ('expiration=gt:2999-01-01', []),
            ('name=a&alg=des', []),
            ('sort=name:desc', ['b', 'a']),
            ('sort=status,bit_length:desc,name', ['a', 'b']),
            ('sort=created:desc', ['b', 'a']),
            ('sort=updated', ['a', 'b']),
            ('sort=status', ['a', 'b']),
        ):
            with self.subTest(query):
                self.assertEqual(wanted, self.names(query))

    def test_bad_queries(self) -> None:
        for query in ('sort=bogus', 'created=junk', 'name=%ff', 'name=%00'):
            self.assert_error(400, BAD, self.get('/v1/secrets?' + query))

    def test_every_sort_key(self) -> None:
        self.store(name='a')
        for key in listing.SORT_KEYS:
            for direction in ('asc', 'desc'):
                with self.subTest(key):
                    self.assertEqual(
                        ['a'], self.names(f'sort={key}:{direction}')
                    )

    def test_injection(self) -> None:
        self.store(name="it's")
        self.assertEqual(["it's"], self.names('name=it%27s'))
        for query in ('name=%27%20OR%201=1--', 'marker=%27--', 'alg=%25'):
            self.assertEqual(
                0 if 'marker' not in query else 1, self.page(query)['total']
            )
