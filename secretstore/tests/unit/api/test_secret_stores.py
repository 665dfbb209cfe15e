# SPDX-License-Identifier: Apache-2.0
from typing import Any, ClassVar
import uuid

import sqlalchemy as sa

from secretstore.conductor import service
from secretstore.tests.unit.api.base import ApiTest

STORES = '/v1/secret-stores'
NOT_ENABLED = (
    'Not Found. Multiple backends support is not enabled in service '
    'configuration.'
)
NO_STORE = 'Not Found. Secret store not found.'
NONE_PREFERRED = (
    'Not Found. No preferred secret store defined for this project.'
)
# The same strategy under another name.
OTHER = 'secretstore.security.proprietary.SecurityWorkflow'
MEMBER = {'X-Roles': 'member,reader'}


class OneStoreTest(ApiTest):
    def test_not_enabled(self) -> None:
        one = f'{STORES}/{uuid.uuid4()}'
        for method, path in (
            ('GET', STORES),
            ('GET', f'{STORES}/global-default'),
            ('GET', f'{STORES}/preferred'),
            ('GET', one),
            ('POST', f'{one}/preferred'),
            ('DELETE', f'{one}/preferred'),
        ):
            with self.subTest(f'{method} {path}'):
                self.assert_error(404, NOT_ENABLED, self.call(method, path))


class TwoStoresTest(ApiTest):
    overrides: ClassVar[dict[str, Any]] = {
        'enabled_security_strategies': [OTHER, 'proprietary']
    }

    def setUp(self) -> None:
        super().setUp()
        self.headers['X-Roles'] = 'admin,member,reader'
        self.default, self.other = self.get(STORES).json['secret_stores']

    def path(self, store: dict[str, Any], *more: str) -> str:
        ref = store['secret_store_ref']
        return '/'.join([STORES, ref.rsplit('/', 1)[1], *more])

    def prefer(self, store: dict[str, Any]) -> None:
        answer = self.call('POST', self.path(store, 'preferred'))
        self.assertEqual((204, b''), (answer.status_int, answer.body))

    def guards(self) -> list[str]:
        """The strategy of each key that the project ever had."""
        with self.database.reading() as connection:
            rows = connection.execute(
                sa.text(
                    'SELECT strategy FROM master_keys JOIN project_keys ON '
                    'master_key_id = master_keys.id WHERE project_id = :p '
                    'ORDER BY project_keys.rowid'
                ),
                {'p': self.project},
            )
            return [row.strategy for row in rows]

    def test_list(self) -> None:
        self.assertEqual(
            ['proprietary', OTHER], [self.default['name'], self.other['name']]
        )
        self.assertEqual(
            [
                'created',
                'updated',
                'status',
                'name',
                'secret_store_plugin',
                'crypto_plugin',
                'global_default',
                'secret_store_ref',
            ],
            [*self.default],
        )
        self.assertEqual(
            ('ACTIVE', True, 'proprietary', None),
            tuple(
                self.default[key]
                for key in (
                    'status',
                    'global_default',
                    'secret_store_plugin',
                    'crypto_plugin',
                )
            ),
        )
        self.assertFalse(self.other['global_default'])
        # All of them, whatever the page.
        answer = self.get(f'{STORES}?limit=1&offset=1', X_Roles='reader')
        self.assertEqual(
            [self.default, self.other], answer.json['secret_stores']
        )

    def test_ids_stay(self) -> None:
        service.build(self.conf)
        with self.database.reading() as connection:
            (count,) = connection.execute(
                sa.text('SELECT count(*) FROM secret_stores')
            ).scalars()
        self.assertEqual(2, count)
        again = self.get(STORES).json['secret_stores']
        self.assertEqual([self.default, self.other], again)

    def test_one(self) -> None:
        for store in (self.default, self.other):
            answer = self.get(self.path(store), X_Roles='reader')
            self.assertEqual(store, answer.json)
        answer = self.get(f'{STORES}/global-default', X_Roles='reader')
        self.assertEqual(self.default, answer.json)
        for unknown in (str(uuid.uuid4()), 'x', '%C3%A9'):
            for method, more in (
                ('GET', ''),
                ('POST', '/preferred'),
                ('DELETE', '/preferred'),
            ):
                answer = self.call(method, f'{STORES}/{unknown}{more}')
                self.assert_error(404, NO_STORE, answer)

    def test_preferred(self) -> None:
        preferred = f'{STORES}/preferred'
        self.assert_error(404, NONE_PREFERRED, self.get(preferred))
        for store in (self.other, self.default, self.other):
            self.prefer(store)
            answer = self.get(preferred, X_Roles='reader')
            self.assertEqual(store, answer.json)
        self.assert_error(
            404, NONE_PREFERRED, self.get(preferred, X_Project_Id='another')
        )
        self.assert_error(
            404,
            NONE_PREFERRED,
            self.call('DELETE', self.path(self.default, 'preferred')),
        )
        self.assertEqual(200, self.get(preferred).status_int)
        unprefer = self.path(self.other, 'preferred')
        self.assertEqual(204, self.call('DELETE', unprefer).status_int)
        self.assert_error(404, NONE_PREFERRED, self.get(preferred))
        self.assert_error(404, NONE_PREFERRED, self.call('DELETE', unprefer))

    def test_guards_what_is_stored_from_then_on(self) -> None:
        paths = [self.store_text('default')]
        for store in (self.other, self.other, self.default):
            self.prefer(store)
            paths.append(self.store_text(store['name']))
        self.assertEqual(['proprietary', OTHER, 'proprietary'], self.guards())
        self.assertEqual(
            ['default', OTHER, OTHER, 'proprietary'],
            [self.get(f'{path}/payload').text for path in paths],
        )

    def test_default_again(self) -> None:
        self.prefer(self.other)
        self.store_text()
        self.call('DELETE', self.path(self.other, 'preferred'))
        self.store_text()
        self.assertEqual([OTHER, 'proprietary'], self.guards())
        # The default is not preferred: what is used already, stays.
        self.prefer(self.default)
        self.call('DELETE', self.path(self.default, 'preferred'))
        self.store_text()
        self.assertEqual([OTHER, 'proprietary'], self.guards())

    def test_who_may(self) -> None:
        path = self.path(self.other, 'preferred')
        for method, words in (
            ('POST', 'Setting preferred secret store'),
            ('DELETE', 'Removing preferred secret store'),
        ):
            self.assert_error(
                403,
                f'{words} attempt not allowed - please review your '
                'user/project privileges',
                self.call(method, path, headers=MEMBER),
            )
        nobody = {'X-Roles': 'nothing'}
        for path in (
            STORES,
            f'{STORES}/preferred',
            f'{STORES}/global-default',
            self.path(self.other),
        ):
            answer = self.call('GET', path, headers=nobody)
            self.assertEqual(403, answer.status_int, path)

    def test_methods(self) -> None:
        for method, path in (
            ('POST', STORES),
            ('POST', f'{STORES}/global-default'),
            ('POST', f'{STORES}/preferred'),
            ('DELETE', self.path(self.other)),
            ('GET', self.path(self.other, 'preferred')),
        ):
            answer = self.call(method, path)
            self.assertEqual(405, answer.status_int, path)
