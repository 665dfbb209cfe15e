# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterable
import json
import logging
from pathlib import Path
import tempfile
from typing import TYPE_CHECKING, Any
import unittest

from keystonemiddleware import auth_token
import webob

from secretstore.api import auth
from secretstore.api.auth.memo import IDENTITY_HEADERS
from secretstore.tests.unit.api.identity import (
    DEFAULT,
    OPTIONS,
    Identity,
    token,
)
from secretstore.tests.unit.conductor.base import make_conf

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

CATALOG = [{'type': 'key-manager', 'name': 'secretstore', 'endpoints': []}]
LOGGER = auth_token.__name__
# What a client may try: identity headers in their HTTP spelling.
FORGED = {
    name.removeprefix('HTTP_').replace('_', '-'): 'forged'
    for name in IDENTITY_HEADERS
}


def echo(
    environ: dict[str, Any], start_response: 'StartResponse'
) -> Iterable[bytes]:
    """An application that tells whom it takes the caller for."""
    seen = {
        name: environ[name]
        for name in IDENTITY_HEADERS
        if environ.get(name) is not None
    }
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps(seen).encode()]


class KeystoneTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.identity = Identity()
        self.addCleanup(self.identity.close)
        self.tokens = self.identity.tokens
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.app = self.build()

    def build(self, more: str = '', **overrides: Any) -> 'WSGIApplication':
        text = OPTIONS.format(url=self.identity.url, more=more)
        settings = {'auth_strategy': 'keystone'} | overrides
        return auth.authenticated(
            echo, make_conf(self.folder, text, **settings)
        )

    def call(
        self,
        user: str | None = 'user',
        service: str | None = None,
        headers: dict[str, str] | None = None,
        path: str = '/v1/secrets',
    ) -> webob.Response:
        sent = dict(headers or {})
        if user is not None:
            sent['X-Auth-Token'] = user
        if service is not None:
            sent['X-Service-Token'] = service
        return webob.Request.blank(path, headers=sent).get_response(self.app)

    def identity_of(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        answer = self.call(*args, **kwargs)
        self.assertEqual(200, answer.status_int, answer.text)
        found: dict[str, str] = answer.json
        return found

    def assert_asked(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """The identity, that auth_token was asked for."""
        with self.assertLogs(LOGGER, logging.DEBUG) as logs:
            found = self.identity_of(*args, **kwargs)
        self.assertIn('Received request from', '\n'.join(logs.output))
        return found

    def assert_remembered(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """The identity, that auth_token was not asked for."""
        with self.assertNoLogs(LOGGER, logging.DEBUG):
            return self.identity_of(*args, **kwargs)


class MemoTest(KeystoneTest):
    def test_asked_once_per_token(self) -> None:
        self.tokens['user'] = token()
        first = self.assert_asked()
        self.assertEqual('project-id', first['HTTP_X_PROJECT_ID'])
        self.assertEqual('member,x', first['HTTP_X_ROLES'])
        again = self.assert_remembered()
        first.pop('HTTP_X_SERVICE_CATALOG')
        self.assertEqual(first, again)

    def test_forged_headers_on_a_miss_and_on_a_hit(self) -> None:
        self.tokens['user'] = token()
        for call in (self.assert_asked, self.assert_remembered):
            found = call(headers=FORGED)
            self.assertNotIn('forged', found.values())
            self.assertEqual('member,x', found['HTTP_X_ROLES'])
            self.assertNotIn('HTTP_X_SERVICE_ROLES', found)
            self.assertNotIn('HTTP_OPENSTACK_SYSTEM_SCOPE', found)

    def test_every_token_is_itself(self) -> None:
        self.tokens['user'] = token()
        self.tokens['other'] = token(roles=[{'id': '1', 'name': 'reader'}])
        self.assert_asked('user')
        found = self.assert_asked('other')
        self.assertEqual('reader', found['HTTP_X_ROLES'])
        found = self.assert_remembered('user')
        self.assertEqual('member,x', found['HTTP_X_ROLES'])
        self.assertEqual(401, self.call('nobody').status_int)
        self.assertEqual(401, self.call('').status_int)
        self.assertEqual(401, self.call(None).status_int)

    def test_a_service_token_is_asked_about_each_time(self) -> None:
        self.tokens['user'] = token()
        self.tokens['nova'] = token(
            roles=[{'id': '3', 'name': 'service'}],
            user={'id': 'nova', 'name': 'nova', 'domain': DEFAULT},
        )
        self.tokens['fraud'] = token()
        self.assertNotIn('HTTP_X_SERVICE_ROLES', self.assert_asked('user'))
        for _ in range(2):
            found = self.assert_asked('user', 'nova')
            self.assertEqual('service', found['HTTP_X_SERVICE_ROLES'])
            self.assertEqual('user-id', found['HTTP_X_USER_ID'])
        found = self.assert_remembered('user')
        self.assertNotIn('HTTP_X_SERVICE_ROLES', found)
        for bad in ('fraud', 'nobody'):
            for _ in range(2):
                self.assertEqual(401, self.call('user', bad).status_int)
        # Not the other way round either.
        self.assertEqual(401, self.call('nobody', 'nova').status_int)

    def test_what_depends_on_the_request_is_asked_each_time(self) -> None:
        rules = [{'service': 'key-manager', 'method': 'GET', 'path': '/v1/**'}]
        for number, fields in enumerate(
            (
                {'application_credential': {'access_rules': rules}},
                {'oauth2_credential': {'x5t#S256': 'thumb'}},
            )
        ):
            name = f'user-{number}'
            self.tokens[name] = token(catalog=CATALOG, **fields)
            self.app = self.build('service_type = key-manager')
            for _ in range(2):
                self.assert_asked(name)

    def test_access_rules_hold_after_an_allowed_request(self) -> None:
        rules = [{'service': 'key-manager', 'method': 'GET', 'path': '/v1/a'}]
        self.tokens['user'] = token(
            catalog=CATALOG, application_credential={'access_rules': rules}
        )
        self.app = self.build('service_type = key-manager')
        self.assertEqual(200, self.call(path='/v1/a').status_int)
        self.assertEqual(401, self.call(path='/v1/b').status_int)

    def test_bound_tokens_are_not_remembered(self) -> None:
        self.tokens['user'] = token(bind={'kerberos': 'me'})
        self.app = self.build('enforce_token_bind = disabled')
        for _ in range(2):
            self.assert_asked()

    def test_never_longer_than_the_token(self) -> None:
        self.tokens['user'] = token(seconds=0.5)
        self.assertEqual(200, self.call().status_int)
        memo = self.app._memo  # type: ignore[attr-defined]
        ((until, _),) = memo._entries.values()
        self.assertLess(until - memo._clock(), 0.5)

    def test_an_expired_token(self) -> None:
        self.tokens['user'] = token(seconds=-1)
        self.assertEqual(401, self.call().status_int)

    def test_an_expired_token_of_a_service_is_asked_each_time(self) -> None:
        self.tokens['user'] = token(seconds=-1)
        self.tokens['nova'] = token(roles=[{'id': '3', 'name': 'service'}])
        for _ in range(2):
            self.assert_asked('user', 'nova')
        self.assertEqual(401, self.call('user').status_int)

    def test_turned_off(self) -> None:
        self.tokens['user'] = token()
        for more, overrides in (
            ('', {'api__auth_cache_time': 0}),
            ('token_cache_time = -1', {}),
        ):
            self.app = self.build(more, **overrides)
            for _ in range(2):
                self.assert_asked()

    def test_never_longer_than_auth_token_does(self) -> None:
        self.app = self.build('token_cache_time = 7')
        self.assertEqual(7, self.app._memo._seconds)  # type: ignore


class RefusalTest(KeystoneTest):
    def test_format(self) -> None:
        for user in (None, 'junk'):
            answer = self.call(user)
            self.assertEqual(401, answer.status_int)
            self.assertEqual(
                'Keystone uri="http://identity.example.org"',
                answer.headers['WWW-Authenticate'],
            )
            self.assertEqual(
                {
                    'error': {
                        'code': 401,
                        'title': 'Unauthorized',
                        'message': 'The request you have made requires '
                        'authentication.',
                    }
                },
                answer.json,
            )

    def test_no_identity_service(self) -> None:
        self.identity.close()
        with self.assertLogs(LOGGER):
            answer = self.call()
        self.assertEqual(503, answer.status_int)

    def test_an_identity_service_that_refuses_the_service(self) -> None:
        for status in (401, 403, 500):
            self.app = self.build()
            self.identity.refuses = status
            with self.subTest(status), self.assertLogs():
                self.assertEqual(503, self.call().status_int)
            self.identity.refuses = 0
            self.tokens['user'] = token()
            self.assertEqual(200, self.call().status_int)

    def test_a_delayed_decision_believes_no_headers(self) -> None:
        self.app = self.build('delay_auth_decision = true')
        self.tokens['user'] = token()
        for _ in range(2):
            for given in ((None,), ('junk',), ('user', 'junk')):
                answer = self.call(*given, headers=FORGED)
                self.assertEqual(401, answer.status_int)
