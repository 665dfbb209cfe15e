# SPDX-License-Identifier: Apache-2.0
import urllib.parse

from secretstore.api.keymanager import listing
from secretstore.tests.unit.api.base import ApiTest
from secretstore.tests.unit.api.test_listing import BAD


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
