# SPDX-License-Identifier: Apache-2.0
import unittest

import webob

from secretstore.api.routing import (
    MethodNotAllowed,
    NoSuchRoute,
    Route,
    Router,
)
from secretstore.tests.unit.api.base import ApiTest

UNKNOWN = '/v1/secrets/6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'


def _handler() -> webob.Response:
    return webob.Response()


class RouterTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.router = Router(
            [
                Route('GET', '/', _handler, 'root'),
                Route('GET', '/v1/things', _handler, 'list'),
                Route('POST', '/v1/things', _handler, 'create'),
                Route('GET', '/v1/things/{id}', _handler, 'show'),
                Route('GET', '/v1/things/{id}/parts/{key}', _handler, 'part'),
            ]
        )

    def test_parameters_in_order(self) -> None:
        match = self.router.match('GET', '/v1/things/1/parts/a')
        self.assertEqual(('part', ['1', 'a']), (match[0][3], match[1]))

    def test_empty_segments_do_not_count(self) -> None:
        for path in ('/v1//things', '//v1/things/', 'v1/things///'):
            with self.subTest(path):
                match = self.router.match('GET', path)
                self.assertEqual('list', match.route.operation)
        for path in ('', '/', '//'):
            with self.subTest(path):
                match = self.router.match('GET', path)
                self.assertEqual('root', match.route.operation)

    def test_unknown_paths(self) -> None:
        for path in ('/v1', '/v2', '/v1/things/1/x', '/v1/things/1/parts'):
            with self.subTest(path), self.assertRaises(NoSuchRoute):
                self.router.match('GET', path)

    def test_other_methods(self) -> None:
        with self.assertRaises(MethodNotAllowed) as caught:
            self.router.match('PUT', '/v1/things')
        self.assertEqual(['GET', 'POST'], caught.exception.allowed)


class RoutesTest(ApiTest):
    def test_unknown_paths_are_404_without_words(self) -> None:
        for path in (
            '/nope',
            '/v2',
            '/healthcheckup',
            '/v1/nope',
            '/v1/cas',
            UNKNOWN + '/nope',
            UNKNOWN + '/payload/x',
            UNKNOWN + '/metadata/k/x',
        ):
            with self.subTest(path):
                self.assert_error(404, '', self.get(path))

    def test_paths_that_are_not_utf8(self) -> None:
        for path, description in (
            ('/%ff', ''),
            ('/v1/%ff', ''),
            ('/v1/secrets/%ff', 'Not Found. Provided secret id is invalid.'),
            (UNKNOWN + '/metadata/%ff', 'Secret metadata not found.'),
        ):
            with self.subTest(path):
                self.assert_error(404, description, self.get(path))

    def test_405_tells_what_is_allowed(self) -> None:
        for method, path, allowed in (
            ('POST', '/', 'GET'),
            ('POST', '/v1', 'GET'),
            ('PATCH', '/v1/secrets', 'GET, POST'),
            ('PUT', '/v1/secrets/', 'GET, POST'),
            ('POST', UNKNOWN, 'DELETE, GET, PUT'),
            ('PUT', UNKNOWN + '/payload', 'GET'),
            ('DELETE', UNKNOWN + '/metadata', 'GET, POST, PUT'),
            ('POST', UNKNOWN + '/metadata/k', 'DELETE, GET, PUT'),
            ('OPTIONS', '/v1/secrets', 'GET, POST'),
        ):
            with self.subTest(f'{method} {path}'):
                answer = self.call(method, path)
                self.assert_error(405, '', answer)
                self.assertEqual(allowed, answer.headers['Allow'])

    def test_head_is_405_without_a_body(self) -> None:
        for path in ('/', '/v1', '/v1/secrets', UNKNOWN):
            with self.subTest(path):
                answer = self.call('HEAD', path)
                self.assertEqual(405, answer.status_int)
                self.assertEqual(b'', answer.body)
                self.assertIn('GET', answer.headers['Allow'])

    def test_slashes_that_do_not_matter(self) -> None:
        path = self.store_text()
        for written in (
            path + '/',
            path.replace('/secrets', '//secrets'),
            '/' + path,
            path + '/payload/',
        ):
            with self.subTest(written):
                self.assertEqual(200, self.get(written).status_int)

    def test_ids_are_lower_case_uuid4_with_dashes(self) -> None:
        good = UNKNOWN.rsplit('/', 1)[1]
        for written in (
            'x',
            good.upper(),
            good.replace('-', ''),
            f'{{{good}}}',
            good + '%0a',
            '%00',
            good.replace('-4', '-1'),
            '00000000-0000-0000-0000-000000000000',
        ):
            for below in ('', '/payload', '/metadata', '/metadata/k'):
                with self.subTest(written + below):
                    self.assert_error(
                        404,
                        'Not Found. Provided secret id is invalid.',
                        self.get(f'/v1/secrets/{written}{below}'),
                    )
        self.assert_error(404, 'Secret not found.', self.get(UNKNOWN))

    def test_every_answer_has_a_request_id_of_its_own(self) -> None:
        mine = 'req-6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'
        ids = {
            self.get(path, X_OpenStack_Request_ID=mine).headers[
                'x-openstack-request-id'
            ]
            for path in ('/', '/v1', '/v1/secrets', UNKNOWN, '/healthcheck')
        }
        self.assertEqual(5, len(ids))
        self.assertNotIn(mine, ids)
