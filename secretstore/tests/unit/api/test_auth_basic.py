# SPDX-License-Identifier: Apache-2.0
import base64
import logging
from pathlib import Path
import tempfile
from typing import TYPE_CHECKING, Any
import unittest

import bcrypt
import webob

from secretstore import errors
from secretstore.api import auth
from secretstore.tests.unit.api.test_auth_keystone import FORGED, echo
from secretstore.tests.unit.conductor.base import make_conf

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def basic(user: str | bytes, password: str | bytes) -> str:
    parts = [
        part.encode() if isinstance(part, str) else part
        for part in (user, password)
    ]
    return 'Basic ' + base64.b64encode(b':'.join(parts)).decode()


class BasicTest(unittest.TestCase):
    users = {'alice': 'wonder', 'root': 'toor', 'jürgen': 'ü'}

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / 'users'
        self.write(self.users)
        self.app = self.build()

    def write(self, users: dict[str, str]) -> None:
        lines = [f'{name}:{hashed(users[name])}\n' for name in users]
        self.file.write_text(''.join(lines))

    def build(self, **overrides: Any) -> 'WSGIApplication':
        text = (
            '[oslo_middleware]\n'
            f'http_basic_auth_user_file = {self.file}\n'
            '[http_basic]\nadmins = root\n'
        )
        settings = {'auth_strategy': 'http_basic'} | overrides
        return auth.authenticated(
            echo, make_conf(self.folder, text, **settings)
        )

    def call(
        self, credential: str | None, headers: dict[str, str] | None = None
    ) -> webob.Response:
        sent = dict(headers or {})
        if credential is not None:
            sent['Authorization'] = credential
        request = webob.Request.blank('/v1', headers=sent)
        return request.get_response(self.app)

    def assert_refused(self, answer: webob.Response) -> None:
        self.assertEqual(401, answer.status_int)
        self.assertEqual(
            'Basic realm="secretstore"', answer.headers['WWW-Authenticate']
        )
        self.assertEqual(
            {
                'code': 401,
                'title': 'Unauthorized',
                'description': 'The request you have made requires '
                'authentication.',
            },
            answer.json,
        )


class IdentityTest(BasicTest):
    def test_a_user_with_a_project_of_the_same_name(self) -> None:
        for user, password in (('alice', 'wonder'), ('jürgen', 'ü')):
            answer = self.call(basic(user, password))
            self.assertEqual(200, answer.status_int)
            self.assertEqual(
                {
                    'HTTP_X_USER_ID': user,
                    'HTTP_X_USER_NAME': user,
                    'HTTP_X_PROJECT_ID': user,
                    'HTTP_X_PROJECT_NAME': user,
                    'HTTP_X_ROLES': 'member,reader',
                },
                answer.json,
            )

    def test_admins_have_one_more_role(self) -> None:
        found = self.call(basic('root', 'toor')).json
        self.assertEqual('member,reader,admin', found['HTTP_X_ROLES'])

    def test_one_project_for_all(self) -> None:
        self.app = self.build(http_basic__project_id='joint')
        for user in ('alice', 'root'):
            found = self.call(basic(user, self.users[user])).json
            self.assertEqual('joint', found['HTTP_X_PROJECT_ID'])

    def test_forged_headers_on_a_miss_and_on_a_hit(self) -> None:
        for _ in range(2):
            answer = self.call(basic('alice', 'wonder'), FORGED)
            self.assertNotIn('forged', answer.json.values())
            self.assertEqual('member,reader', answer.json['HTTP_X_ROLES'])


class RefusalTest(BasicTest):
    def test_whoever_proves_nothing(self) -> None:
        good = basic('alice', 'wonder')
        self.assertEqual(200, self.call(good).status_int)
        for credential in (
            None,
            '',
            'Basic',
            'Basic ',
            'Basic !!!',
            'Basic ' + base64.b64encode(b'no colon').decode(),
            good[:-4],
            good.replace('Basic', 'Bearer'),
            'Basic ' + base64.b64encode(b'\xff\xfe:x').decode(),
            'Basic \xe4',
            basic('alice', 'wrong'),
            basic('alice', ''),
            basic('Alice', 'wonder'),
            basic('nobody', 'wonder'),
            basic('', 'wonder'),
            basic('alice', 'x' * 73),
            basic('alice', 'wonder\0'),
            basic('alice', b'\xff' * 300),
            basic('alice\nforged', 'wonder'),
            basic('x' * 5000, 'y' * 5000),
        ):
            for _ in range(2):
                with self.subTest(repr(credential)[:60]):
                    self.assert_refused(self.call(credential, FORGED))

    def test_no_line_of_the_log_is_the_callers(self) -> None:
        logger = logging.getLogger('oslo_middleware.basic_auth')
        with self.assertLogs(logger, logging.DEBUG) as logs:
            for name in ('bob', 'eve\nINFO nothing happened', 'eve\r\x1b[2J'):
                self.assert_refused(self.call(basic(name, 'pass word')))
        for line in logs.output:
            self.assertTrue(line.isprintable(), line)
            self.assertNotIn('pass word', line)


class MemoTest(BasicTest):
    def test_a_change_of_the_file_counts_at_once(self) -> None:
        self.assertEqual(200, self.call(basic('alice', 'wonder')).status_int)
        self.write({'alice': 'changed'})
        self.assert_refused(self.call(basic('alice', 'wonder')))
        self.assertEqual(200, self.call(basic('alice', 'changed')).status_int)
        self.assert_refused(self.call(basic('alice', 'other')))

    def test_a_comment_is_no_user(self) -> None:
        self.write({'#alice': 'wonder'})
        self.assert_refused(self.call(basic('#alice', 'wonder')))

    def test_turned_off(self) -> None:
        self.app = self.build(api__auth_cache_time=0)
        self.assertEqual(200, self.call(basic('alice', 'wonder')).status_int)
        self.write({'alice': 'changed'})
        self.assert_refused(self.call(basic('alice', 'wonder')))

    def test_a_file_that_is_gone(self) -> None:
        self.file.unlink()
        with self.assertLogs('oslo_middleware.basic_auth', logging.ERROR):
            self.assert_refused(self.call(basic('alice', 'wonder')))


class StartTest(BasicTest):
    def test_a_file_that_cannot_be_used(self) -> None:
        for text in (None, 'alice:{SHA}abc\n', 'alice:plain\n'):
            if text is None:
                self.file.unlink()
            else:
                self.file.write_text(text)
            with (
                self.subTest(text),
                self.assertRaises(errors.StartupError) as caught,
            ):
                self.build()
            message = caught.exception.message
            self.assertIn(str(self.file), message)
            self.assertNotIn('\n', message)


class NoAuthTest(unittest.TestCase):
    def identity(self, **headers: str) -> dict[str, str]:
        with (
            tempfile.TemporaryDirectory() as folder,
            self.assertLogs('secretstore', logging.WARNING),
        ):
            conf = make_conf(Path(folder), auth_strategy='noauth')
            app = auth.authenticated(echo, conf)
        request = webob.Request.blank(
            '/v1',
            headers={
                name.replace('_', '-'): headers[name] for name in headers
            },
        )
        found: dict[str, str] = request.get_response(app).json
        return found

    def test_defaults(self) -> None:
        self.assertEqual(
            {
                'HTTP_X_PROJECT_ID': 'default',
                'HTTP_X_USER_ID': 'anonymous',
                'HTTP_X_ROLES': 'admin,member,reader',
            },
            self.identity(),
        )

    def test_claims(self) -> None:
        self.assertEqual(
            {
                'HTTP_X_PROJECT_ID': 'p',
                'HTTP_X_USER_ID': 'u',
                'HTTP_X_ROLES': 'reader',
            },
            self.identity(
                X_Project_Id='p',
                X_User_Id='u',
                X_Roles='reader',
                X_Service_Roles='service',
                OpenStack_System_Scope='all',
                X_Domain_Id='d',
            ),
        )
