# SPDX-License-Identifier: Apache-2.0
"""The Barbican that guards the master keys is down, slow, or says no."""

from concurrent import futures
import contextlib
from http import server
import signal
import time
import typing

from secretstore import errors
from secretstore.crypto import aead
from secretstore.security import barbican, remote_barbican
from secretstore.tests.functional import base, custody, services
from secretstore.tests.functional.services import accounts, proxy

KEY = aead.generate_key()
# Barbican's own requests to Keystone take a moment as well.
TIMEOUT = 3
TOKEN_SECONDS = 3


class _Astray(proxy.Proxy):
    """A proxy that has lost its way to the secrets, once *body* is set."""

    body: bytes = b''

    def answer(self, request: server.BaseHTTPRequestHandler) -> None:
        if not self.body or not request.path.startswith('/v1/secrets/'):
            super().answer(request)
            return
        request.send_response_only(404)
        request.send_header('Content-Length', str(len(self.body)))
        request.send_header('Connection', 'close')
        request.end_headers()
        request.wfile.write(self.body)


@contextlib.contextmanager
def _short_tokens() -> typing.Iterator[None]:
    """Have Keystone give out tokens that expire at once, nearly."""
    identity = services.keystone()
    before = identity.options
    identity.stop()
    identity.options = {'token': {'expiration': TOKEN_SECONDS}}
    identity.start()
    try:
        yield
    finally:
        identity.stop()
        identity.options = before
        identity.start()


class TestFaults(base.FunctionalTest):
    """The strategy finds each fault, names it, and works on after it."""

    strategy: typing.ClassVar[barbican.SecurityWorkflow]
    reference: typing.ClassVar[str]
    wrapped: typing.ClassVar[bytes]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = custody.custodian()
        cls.strategy = custody.strategy(
            cls.server.url, key_cache_ttl=0, timeout=TIMEOUT
        )
        cls.strategy.start()
        cls.addClassCleanup(cls.strategy.stop)
        cls.reference = cls.strategy.create_master_key()
        cls.wrapped = cls.strategy.wrap(cls.reference, KEY, b'b')
        identity = services.keystone()
        cls.directory = accounts.Directory(identity.auth_url)
        cls.user = cls.directory.ensure('user', custody.CUSTODIAN.user)

    def unwrap(self) -> bytes:
        return self.strategy.unwrap(self.reference, self.wrapped, b'b')

    def refusals(
        self,
        failure: type[errors.SecretStoreError] = errors.MasterKeyUnavailable,
    ) -> list[str]:
        """What each method says, all of them being impossible now."""
        said = []
        for call in (
            self.unwrap,
            lambda: self.strategy.wrap(self.reference, KEY, b'b'),
            self.strategy.create_master_key,
            lambda: self.strategy.destroy_master_key(self.reference),
        ):
            with self.assertRaises(failure) as caught:
                call()
            self.assertIs(failure, type(caught.exception))
            said.append(caught.exception.message)
            self.assertNotIn('\n', said[-1])
            self.assertTrue(said[-1].startswith('Barbican: '), said[-1])
        return said

    def change_user(self, **fields: object) -> None:
        self.directory.call('PATCH', f'/users/{self.user}', {'user': fields})
        # Keystone revokes by whole seconds: what it gives out in this one
        # is revoked as well.
        time.sleep(1.1)

    def test_down(self) -> None:
        self.assertEqual(KEY, self.unwrap())
        self.server.stop()
        self.addCleanup(self.server.start)
        for message in self.refusals():
            self.assertIn('check that Barbican and Keystone run', message)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.strategy.check()
        self.server.start()
        self.assertEqual(KEY, self.unwrap())
        self.strategy.check()

    def test_hanging(self) -> None:
        self.server.send(signal.SIGSTOP)
        try:
            with self.assertRaises(errors.MasterKeyUnavailable) as caught:
                self.unwrap()
            self.assertIn('answer in time', caught.exception.message)
            with self.assertRaises(errors.MasterKeyUnavailable):
                self.strategy.check()
        finally:
            self.server.send(signal.SIGCONT)
        self.assertEqual(KEY, self.unwrap())

    def test_token_expired(self) -> None:
        """On its way to Barbican, which asks Keystone about it too late.

        One that is about to expire is not used in the first place.
        """
        with (
            _short_tokens(),
            proxy.Proxy(self.server.url) as seen,
            futures.ThreadPoolExecutor(1) as pool,
        ):
            strategy = custody.strategy(seen.url, key_cache_ttl=0, timeout=30)
            strategy.start()
            self.addCleanup(strategy.stop)
            seen.statuses.clear()
            self.server.send(signal.SIGSTOP)
            try:
                call = pool.submit(
                    strategy.unwrap, self.reference, self.wrapped, b'b'
                )
                time.sleep(TOKEN_SECONDS + 2)
                self.assertFalse(call.done())
            finally:
                self.server.send(signal.SIGCONT)
            self.assertEqual(KEY, call.result(30))
            self.assertEqual([401, 200], seen.statuses[:2])

    def test_token_revoked(self) -> None:
        """Nobody notices: another token is got."""
        self.assertEqual(KEY, self.unwrap())
        # Both end the tokens that there are.
        self.change_user(enabled=False)
        self.change_user(enabled=True)
        self.assertEqual(KEY, self.unwrap())

    def test_user_disabled(self) -> None:
        self.assertEqual(KEY, self.unwrap())
        self.change_user(enabled=False)
        self.addCleanup(self.change_user, enabled=True)
        for message in self.refusals(errors.MasterKeyUnusable):
            self.assertIn('credentials of [barbican] are refused', message)
        self.change_user(enabled=True)
        self.assertEqual(KEY, self.unwrap())

    def test_role_taken_away(self) -> None:
        project = self.directory.ensure('project', custody.CUSTODIAN.project)
        with self._without_role('member', project):
            with self.assertRaises(errors.MasterKeyUnusable) as caught:
                self.unwrap()
            self.assertIn(
                'give it the role "member"', caught.exception.message
            )
        self.assertEqual(KEY, self.unwrap())

    @contextlib.contextmanager
    def _without_role(self, name: str, project: str) -> typing.Iterator[None]:
        role = self.directory.ensure('role', name)
        path = f'/projects/{project}/users/{self.user}/roles/{role}'
        self.directory.call('DELETE', path)
        try:
            yield
        finally:
            self.directory.call('PUT', path)

    def test_secret_gone(self) -> None:
        reference = self.strategy.create_master_key()
        wrapped = self.strategy.wrap(reference, KEY, b'b')
        custody.client(self.server.url).secrets.delete(reference)
        with self.assertRaises(errors.MasterKeyNotFound) as caught:
            self.strategy.unwrap(reference, wrapped, b'b')
        self.assertIn(reference, caught.exception.message)
        self.assertIn('restore it', caught.exception.message)

    def test_keystone_away(self) -> None:
        with proxy.Proxy(services.keystone().url) as identity:
            cut = custody.strategy(
                self.server.url,
                auth_url=f'{identity.url}/v3',
                key_cache_ttl=0,
            )
            cut.start()
            self.addCleanup(cut.stop)
            cut.unwrap(self.reference, self.wrapped, b'b')
        # The token that it has is worth nothing from now on.
        self.change_user(enabled=False)
        self.change_user(enabled=True)
        with self.assertRaises(errors.MasterKeyUnavailable) as caught:
            cut.unwrap(self.reference, self.wrapped, b'b')
        self.assertIn('Keystone', caught.exception.message)

    def test_something_else_answers(self) -> None:
        """A login page, say, or a load balancer's apology."""
        for behind in (services.keystone().url, f'{self.server.url}/v1/none'):
            with proxy.Proxy(behind) as wrong:
                other = custody.strategy(wrong.url)
                with contextlib.suppress(errors.MasterKeyUnavailable):
                    other.start()
                with self.assertRaises(errors.SecretStoreError) as caught:
                    other.create_master_key()
            self.assertIsInstance(
                caught.exception, errors.MasterKeyUnavailable
            )

    def test_not_found_by_somebody_else(self) -> None:
        """Only Barbican itself knows that a master key does not exist."""
        with _Astray(self.server.url) as astray:
            strategy = custody.strategy(astray.url, key_cache_ttl=0)
            strategy.start()
            self.addCleanup(strategy.stop)
            for astray.body in (
                b'<html>404 Not Found</html>',
                b'{"title": "Not Found", "code": 404, "description": ""}',
                b'{"error": {"code": 404, "title": "Not Found"}}',
                b'["title"]',
            ):
                for call in (
                    lambda: strategy.unwrap(
                        self.reference, self.wrapped, b'b'
                    ),
                    lambda: strategy.destroy_master_key(self.reference),
                    lambda: strategy.delete_named_key(self.reference),
                ):
                    with self.assertRaises(
                        errors.MasterKeyUnavailable
                    ) as caught:
                        call()
                    self.assertIn(
                        'not an answer of Barbican', caught.exception.message
                    )
            astray.body = b''
            self.assertEqual(
                KEY, strategy.unwrap(self.reference, self.wrapped, b'b')
            )

    def test_barbican_itself_at_a_wrong_path(self) -> None:
        with proxy.Proxy(f'{self.server.url}/v1/none') as wrong:
            found = remote_barbican.RemoteBarbican(
                custody.conf(custody.of(wrong.url))
            )
            with self.assertRaises(errors.MasterKeyUnavailable):
                found.delete(self.reference)

    def test_destroyed_by_somebody_else(self) -> None:
        reference = self.strategy.create_master_key()
        custody.client(self.server.url).secrets.delete(reference)
        with (
            self.assertLogs(barbican.LOG.logger, 'WARNING') as logs,
            self.assertRaises(errors.MasterKeyNotFound),
        ):
            self.strategy.destroy_master_key(reference)
        self.assertIn(reference, logs.output[0])
