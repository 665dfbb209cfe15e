# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any, ClassVar
import uuid

import webob

from secretstore.tests.unit.api.base import JSON, ApiTest

KEYS = '/workflow/v1/master-keys'
# The same strategy under another name.
OTHER = 'secretstore.security.proprietary.SecurityWorkflow'
# As RFC 3339 has it.
TIME = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$'


class MasterKeysTest(ApiTest):
    overrides: ClassVar[dict[str, Any]] = {
        'enabled_security_strategies': [OTHER],
        'conductor__key_cache_ttl': 0,
    }

    def setUp(self) -> None:
        super().setUp()
        self.headers['X-Roles'] = 'admin,member,reader'
        self.rewrap()

    def rewrap(self) -> None:
        while self.background.run_due():
            continue

    def state(self) -> dict[str, Any]:
        answer = self.get(KEYS)
        self.assertEqual(200, answer.status_int, answer.text)
        self.assertEqual('no-store', answer.headers['Cache-Control'])
        self.assertEqual(
            {'keys': 0, 'secrets': 0}, answer.json['replaced_project_keys']
        )
        self.assertEqual({}, answer.json['named_keys'])
        found: dict[str, Any] = answer.json
        return found

    def key(self, key_id: str) -> dict[str, Any]:
        (found,) = (
            key for key in self.state()['master_keys'] if key['id'] == key_id
        )
        return dict(found)

    def ask(self, action: str, body: Any = None) -> webob.Response:
        return self.call(
            'POST', f'{KEYS}/{action}', json.dumps(body or {}), JSON
        )

    def do(self, action: str, body: Any = None) -> dict[str, Any]:
        answer = self.ask(action, body)
        self.assertEqual(202, answer.status_int, answer.text)
        key: dict[str, Any] = answer.json['master_key']
        self.assertEqual(key, self.key(key['id']))
        return key

    def assert_code(
        self, status: int, code: str, words: str, answer: webob.Response
    ) -> None:
        self.assertEqual(status, answer.status_int, answer.text)
        self.assertEqual(['error'], [*answer.json])
        error = answer.json['error']
        self.assertEqual(['code', 'message', 'request_id'], [*error])
        self.assertEqual(code, error['code'])
        self.assertIn(words, error['message'])
        self.assertEqual(
            answer.headers['X-Openstack-Request-Id'], error['request_id']
        )

    def test_rotate_and_retire(self) -> None:
        path = self.store_text('kept')
        first = self.do('rotate')
        self.rewrap()
        second = self.do('rotate', {'strategy': 'proprietary'})
        self.assertEqual('in_use', second['state'])
        old = self.key(first['id'])
        self.assertEqual('replaced', old['state'])
        self.assertGreater(old['project_keys'], 0)
        self.assertEqual(
            old['project_keys'], self.state()['rewrapping']['to_do']
        )
        self.assert_code(
            409,
            'conflict',
            f'{old["project_keys"]} project keys are still under',
            self.ask(f'{first["id"]}/retire'),
        )
        self.background.wake('rewrapping')
        for _ in range(10):
            self.background.run_due()
            self.background.wake('rewrapping')
        state = self.state()['rewrapping']
        self.assertEqual((0, 60), (state['to_do'], state['seconds']))
        self.assertGreaterEqual(state['done'], old['project_keys'])
        retired = self.do(f'{first["id"]}/retire')
        self.assertEqual('retired', retired['state'])
        for time in ('created', 'retired'):
            self.assertRegex(retired[time], TIME)
        self.background.run_due()
        for _ in range(4):
            self.background.wake('rewrapping')
            self.background.run_due()
        destroyed = self.key(first['id'])
        self.assertEqual('destroyed', destroyed['state'])
        self.assertRegex(destroyed['destroyed'], TIME)
        self.assertEqual('kept', self.get(f'{path}/payload').text)

    def test_migrate(self) -> None:
        path = self.store_text('kept')
        for strategy in (OTHER, 'proprietary'):
            key = self.do('migrate', {'to': strategy})
            self.assertEqual(strategy, key['strategy'])
            self.assertEqual(strategy, self.state()['default_strategy'])
            (default, _) = self.get('/v1/secret-stores').json['secret_stores']
            self.assertEqual(
                (strategy, True), (default['name'], default['global_default'])
            )
            answer = self.get('/v1/secret-stores/global-default')
            self.assertEqual(strategy, answer.json['name'])
        self.assertEqual('kept', self.get(f'{path}/payload').text)

    def test_refused(self) -> None:
        unknown = str(uuid.uuid4())
        for action, body, status, code, words in (
            ('migrate', {'to': 'x'}, 400, 'invalid_input', 'not enabled here'),
            ('migrate', {}, 400, 'invalid_input', 'Master key migration'),
            ('migrate', {'to': 5}, 400, 'invalid_input', "property: 'to'"),
            ('rotate', {'x': 1}, 400, 'invalid_input', 'Master key rotation'),
            ('rotate', [1], 400, 'invalid_input', 'Master key rotation'),
            (f'{unknown}/retire', {}, 404, 'not_found', unknown),
            ('x/retire', {}, 404, 'not_found', 'no such master key'),
        ):
            with self.subTest(f'{action} {body}'):
                self.assert_code(status, code, words, self.ask(action, body))
        answer = self.call('POST', f'{KEYS}/rotate', '{', JSON)
        self.assert_code(400, 'invalid_input', 'Malformed JSON', answer)

    def test_paths_and_methods(self) -> None:
        for path in ('/workflow', '/workflow/v1', f'{KEYS}/x/y/z'):
            self.assert_code(404, 'not_found', '', self.get(path))
        answer = self.call('DELETE', KEYS)
        self.assert_code(405, 'method_not_allowed', '', answer)
        self.assertEqual('GET', answer.headers['Allow'])

    def test_who_may(self) -> None:
        for roles in ('member,reader', 'creator', ''):
            self.headers['X-Roles'] = roles
            for method, path in (
                ('GET', KEYS),
                ('POST', f'{KEYS}/{uuid.uuid4()}/retire'),
            ):
                answer = self.call(method, path)
                self.assert_code(403, 'forbidden', 'privileges', answer)

    def test_custodian_that_an_operator_must_mend(self) -> None:
        keys = self.folder / 'keys'
        keys.chmod(0o755)
        self.addCleanup(keys.chmod, 0o700)
        answer = self.ask('rotate')
        self.assert_code(503, 'master_key_unusable', 'an operator', answer)
        self.assertNotIn('Retry-After', answer.headers)
        self.assertNotIn(str(keys), answer.text)
        self.assertEqual(200, self.get(KEYS).status_int)


class ProjectKeysTest(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.headers['X-Roles'] = 'admin,member,reader'
        self.project = self.headers['X-Project-Id'] = uuid.uuid4().hex

    def rotate(self, project: str) -> webob.Response:
        return self.call('POST', f'/workflow/v1/project-keys/{project}/rotate')

    def settle(self) -> None:
        self.background.wake('resealing')
        while self.background.run_due():
            continue

    def replaced(self) -> dict[str, int]:
        found: dict[str, int] = self.get(KEYS).json['replaced_project_keys']
        return found

    def test_rotate(self) -> None:
        path = self.store_text('kept')
        self.settle()
        self.assertEqual(0, self.replaced()['secrets'])
        made = []
        for _ in range(2):
            answer = self.rotate(self.project)
            self.assertEqual(202, answer.status_int, answer.text)
            key = answer.json['project_key']
            self.assertEqual(
                ['id', 'project_id', 'master_key_id', 'created'], [*key]
            )
            self.assertEqual(self.project, key['project_id'])
            self.assertRegex(key['created'], TIME)
            made.append(key['id'])
        self.assertEqual(2, len(set(made)))
        self.assertEqual(1, self.replaced()['secrets'])
        # What is stored from now on is under the new key.
        self.store_text('new')
        self.assertEqual(1, self.replaced()['secrets'])
        self.settle()
        self.assertEqual(0, self.replaced()['secrets'])
        self.assertEqual('kept', self.get(f'{path}/payload').text)

    def test_refused(self) -> None:
        for project in (uuid.uuid4().hex, '%0Aservice', '%FF', 'x' * 256):
            answer = self.rotate(project)
            self.assertEqual(404, answer.status_int, project)
            self.assertEqual('not_found', answer.json['error']['code'])

    def test_who_may(self) -> None:
        self.store_text('kept')
        for roles in ('member,reader', 'creator', ''):
            self.headers['X-Roles'] = roles
            answer = self.rotate(self.project)
            self.assertEqual(403, answer.status_int, roles)
