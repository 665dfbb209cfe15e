# SPDX-License-Identifier: Apache-2.0
"""/workflow/v1: keys of backups and replication users, by name."""

import json
import uuid

import sqlalchemy as sa
import webob

from secretstore.tests.unit.api.base import JSON, ApiTest

ROOT = '/workflow/v1'


class NamedKeysTest(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.new_id = str(uuid.uuid4())
        self.backup = f'{ROOT}/backups/{self.new_id}/encryption-key'
        self.user = f'{ROOT}/replication-users/{self.new_id}/key'

    def make(self, path: str, body: object = None) -> webob.Response:
        if body is None:
            return self.call('PUT', path)
        return self.call('PUT', path, json.dumps(body), JSON)

    def refused(self, status: int, code: str, answer: webob.Response) -> str:
        self.assertEqual(status, answer.status_int, answer.text)
        self.assertEqual('application/json', answer.content_type)
        self.assertEqual(['error'], [*answer.json])
        error = answer.json['error']
        self.assertEqual(['code', 'message', 'request_id'], [*error])
        self.assertEqual(code, error['code'])
        self.assertEqual(
            answer.headers['X-Openstack-Request-Id'], error['request_id']
        )
        return str(error['message'])

    def test_backup(self) -> None:
        made = self.make(self.backup, {'backup_name': 'nightly'})
        self.assertEqual(201, made.status_int, made.text)
        self.assertEqual('no-store', made.headers['Cache-Control'])
        key = made.json
        self.assertEqual(
            'backup_id backup_name key algorithm mode bit_length created',
            ' '.join(key),
        )
        self.assertEqual(self.new_id, key['backup_id'])
        self.assertEqual('nightly', key['backup_name'])
        self.assertRegex(key['key'], '^[0-9a-f]{64}$')
        self.assertRegex(key['created'], '^[0-9T:.-]+Z$')
        for again in (self.make(self.backup), self.get(self.backup)):
            self.assertEqual(200, again.status_int)
            self.assertEqual(key, again.json)
        gone = self.call('DELETE', self.backup)
        self.assertEqual(204, gone.status_int)
        for answer in (
            self.get(self.backup),
            self.call('DELETE', self.backup),
        ):
            self.refused(404, 'not_found', answer)

    def test_replication_user(self) -> None:
        for body in ({}, None):
            made = self.make(self.user, body)
            self.assertEqual(201 if body == {} else 200, made.status_int)
        self.assertEqual(self.new_id, made.json['instance_id'])
        self.assertNotIn('backup_id', made.json)
        self.assertEqual(made.json, self.get(self.user).json)
        self.assertEqual(204, self.call('DELETE', self.user).status_int)
        self.refused(404, 'not_found', self.get(self.user))

    def test_its_strategy_is_not_enabled_any_more(self) -> None:
        self.make(self.backup)
        with self.database.writing() as connection:
            connection.execute(
                sa.text(
                    "UPDATE named_keys SET strategy = 'barbican', "
                    "reference = 'r', envelope = NULL WHERE object_id = :id"
                ),
                {'id': self.new_id},
            )
        for method in ('GET', 'PUT', 'DELETE'):
            with self.assertLogs('secretstore', 'WARNING') as logged:
                answer = self.call(method, self.backup)
            self.refused(503, 'master_key_unavailable', answer)
            self.assertIn('Retry-After', answer.headers)
            self.assertNotIn('barbican', answer.text)
            self.assertIn(
                f'The key of backup {self.new_id} is guarded by security '
                f'strategy barbican, which is not enabled',
                ''.join(logged.output),
            )

    def test_ids(self) -> None:
        for good in ('a', 'A-b_c.d~0', 'x' * 255):
            path = f'{ROOT}/backups/{good}/encryption-key'
            self.assertEqual(201, self.make(path).status_int, good)
        for bad in (
            'x' * 256,
            'a%20b',
            '%C3%A4',
            'a%00',
            'a%0A',
            '%25',
            'a:b',
        ):
            path = f'{ROOT}/backups/{bad}/encryption-key'
            for method in ('GET', 'PUT', 'DELETE'):
                with self.subTest(f'{method} {bad}'):
                    message = self.refused(
                        400, 'invalid_input', self.call(method, path)
                    )
                    self.assertIn('backup_id', message)

    def test_bodies(self) -> None:
        for bad in (
            [],
            'nightly',
            {'name': 'x'},
            {'backup_name': 1},
            {'backup_name': None},
            {'backup_name': 'x' * 256},
            {'backup_name': 'a\0'},
            {'backup_name': '\ud800'},
        ):
            with self.subTest(bad):
                self.refused(400, 'invalid_input', self.make(self.backup, bad))
        self.refused(
            400, 'invalid_input', self.make(self.user, {'backup_name': ''})
        )
        self.refused(
            415,
            'unsupported_media_type',
            self.call('PUT', self.backup, 'x', {'Content-Type': 'text/plain'}),
        )
        for broken in ('{', '{"backup_name": "' + 'x' * 100_000):
            self.refused(
                400,
                'invalid_input',
                self.call('PUT', self.backup, broken, JSON),
            )
        self.refused(404, 'not_found', self.get(self.backup))

    def test_what_is_accepted(self) -> None:
        self.refused(
            406, 'not_acceptable', self.get(self.backup, Accept='text/html')
        )

    def test_policy(self) -> None:
        reader = {'X-Roles': 'reader'}
        for method in ('GET', 'PUT', 'DELETE'):
            for path in (self.backup, self.user):
                self.refused(
                    403, 'forbidden', self.call(method, path, '', reader)
                )

    def test_without_a_project(self) -> None:
        self.headers = {'X-Project-Id': ''}
        self.refused(401, 'unauthenticated', self.get(self.backup))

    def test_other_paths_and_methods(self) -> None:
        for path in (ROOT, '/workflow', f'{ROOT}/backups/y', f'{ROOT}/x'):
            self.refused(404, 'not_found', self.get(path))
        answer = self.call('POST', self.backup)
        self.refused(405, 'method_not_allowed', answer)
        self.assertEqual('DELETE, GET, PUT', answer.headers['Allow'])

    def test_they_are_no_secrets(self) -> None:
        self.make(self.backup, {'backup_name': 'nightly'})
        self.assertEqual(0, self.get('/v1/secrets').json['total'])
        self.assertEqual(
            404, self.get(f'/v1/secrets/{self.new_id}').status_int
        )
