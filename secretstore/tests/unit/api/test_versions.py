# SPDX-License-Identifier: Apache-2.0
from secretstore import version
from secretstore.tests.unit.api.base import ApiTest

LINKS = [
    {'rel': 'self', 'href': 'http://localhost/v1/'},
    {
        'rel': 'describedby',
        'type': 'text/html',
        'href': 'https://docs.openstack.org/',
    },
]
OLD = {
    'id': 'v1',
    'status': 'stable',
    'links': LINKS,
    'media-types': [
        {
            'base': 'application/json',
            'type': 'application/vnd.openstack.key-manager-v1+json',
        }
    ],
}
NEW = {
    'id': 'v1',
    'status': 'CURRENT',
    'min_version': '1.0',
    'max_version': '1.2',
    'links': LINKS,
}
# What is asked for, and which version is spoken.
ASKED = {
    '': '1.0',
    'key-manager 1.0': '1.0',
    'key-manager 1.1': '1.1',
    'key-manager 1.2': '1.2',
    'key-manager latest': '1.2',
    'KEY-MANAGER 1.1': '1.1',
    'key-manager': '1.0',
    '1.2': '1.0',
    'compute 2.1': '1.0',
    'compute 2.1, key-manager 1.1': '1.1',
    'key-manager 1.1,key-manager 1.2': '1.2',
}


class VersionsTest(ApiTest):
    def test_documents(self) -> None:
        for asked, spoken in ASKED.items():
            with self.subTest(asked):
                root = self.get('/', OpenStack_API_Version=asked)
                self.assertEqual(300, root.status_int)
                v1 = self.get('/v1/', OpenStack_API_Version=asked)
                self.assertEqual(200, v1.status_int)
                if spoken == '1.0':
                    self.assertEqual(
                        {'versions': {'values': [OLD]}}, root.json
                    )
                    self.assertEqual({'version': OLD}, v1.json)
                else:
                    self.assertEqual({'versions': [NEW]}, root.json)
                    self.assertEqual({'version': NEW}, v1.json)

    def test_headers(self) -> None:
        path = self.store()
        for asked, spoken in ASKED.items():
            for url in ('/', '/v1', '/v1/secrets', path, path + '/payload'):
                with self.subTest(f'{asked} {url}'):
                    answer = self.get(url, OpenStack_API_Version=asked)
                    self.assertEqual(
                        [f'key-manager {spoken}'],
                        answer.headers.getall('OpenStack-API-Version'),
                    )
                    self.assertEqual(
                        ['OpenStack-API-Version'],
                        answer.headers.getall('Vary'),
                    )
                    self.assertEqual(
                        'no-store', answer.headers['Cache-Control']
                    )

    def test_versions_there_are_not(self) -> None:
        path = self.store()
        for asked in ('1.3', '2.0', '0.9', '1.10', '01.1'):
            for url in ('/', '/v1', '/v1/secrets', path):
                self.assert_error(
                    406,
                    'Invalid microversion: Unacceptable version header: '
                    + asked,
                    self.get(
                        url, OpenStack_API_Version='key-manager ' + asked
                    ),
                )

    def test_what_is_no_version(self) -> None:
        for asked in ('1', '1.2.3', 'abc', '-1.0', '1.1 x'):
            self.assert_error(
                400,
                f'Invalid microversion: invalid version string: {asked}',
                self.get('/v1', OpenStack_API_Version='key-manager ' + asked),
            )

    def test_nothing_is_done_for_a_version_there_is_not(self) -> None:
        path = self.store()
        answer = self.call(
            'DELETE',
            path,
            headers={'OpenStack-API-Version': 'key-manager 1.3'},
        )
        self.assertEqual(406, answer.status_int)
        self.assertEqual(200, self.get(path).status_int)

    def test_consumers_come_with_1_1(self) -> None:
        path = self.store_text(name='n')
        before = [
            'created',
            'updated',
            'status',
            'name',
            'secret_type',
            'expiration',
            'algorithm',
            'bit_length',
            'mode',
            'creator_id',
        ]
        after = ['content_types', 'secret_ref']
        for asked, between in (('1.0', []), ('1.1', ['consumers'])):
            headers = {'OpenStack-API-Version': f'key-manager {asked}'}
            secret = self.call('GET', path, headers=headers).json
            listed = self.call('GET', '/v1/secrets', headers=headers).json
            self.assertEqual([*before, *between, *after], [*secret])
            self.assertEqual([secret], listed['secrets'])

    def test_content_types_come_with_the_payload(self) -> None:
        path = self.store()
        self.assertNotIn('content_types', self.get(path).json)

    def test_it_says_what_it_is(self) -> None:
        """And only there: all else is as Barbican's."""
        header = version.IMPLEMENTATION_HEADER
        self.assertEqual('secretstore', self.get('/').headers[header])
        self.assertNotIn(header, self.get('/v1').headers)
