# SPDX-License-Identifier: Apache-2.0
import threading
import unittest

from oslo_context import context

from secretstore.api.auth import memo
from secretstore.api.auth.memo import Environ, IdentityMemo, digest


def environ(user: str) -> Environ:
    return {
        'HTTP_X_USER_ID': user,
        'HTTP_X_ROLES': 'member',
        'HTTP_X_SERVICE_CATALOG': 'long',
        'PATH_INFO': '/v1',
    }


class IdentityMemoTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 1000.0
        self.memo = IdentityMemo(60, lambda: self.now)

    def recalled(self, key: bytes, **given: str) -> Environ | None:
        found = dict(given)
        return found if self.memo.recall(key, found) else None

    def test_gives_back_the_identity_and_only_that(self) -> None:
        self.memo.remember(b'k', environ('u'))
        self.assertEqual(
            {
                'HTTP_X_USER_ID': 'u',
                'HTTP_X_ROLES': 'member',
                'PATH_INFO': '/mine',
            },
            self.recalled(b'k', PATH_INFO='/mine'),
        )
        self.assertIsNone(self.recalled(b'other'))

    def test_takes_out_what_the_client_sent(self) -> None:
        self.memo.remember(b'k', environ('u'))
        forged = dict.fromkeys(memo.IDENTITY_HEADERS, 'forged')
        found = self.recalled(b'k', **forged) or {}
        self.assertEqual(
            {'HTTP_X_USER_ID': 'u', 'HTTP_X_ROLES': 'member'}, found
        )

    def test_an_unknown_key_changes_nothing(self) -> None:
        given: Environ = {'HTTP_X_ROLES': 'admin'}
        self.assertFalse(self.memo.recall(b'k', given))
        self.assertEqual({'HTTP_X_ROLES': 'admin'}, given)

    def test_time(self) -> None:
        self.memo.remember(b'k', environ('u'))
        self.now += 59.9
        self.assertIsNotNone(self.recalled(b'k'))
        self.now += 0.1
        self.assertIsNone(self.recalled(b'k'))

    def test_a_credential_may_end_earlier(self) -> None:
        self.memo.remember(b'short', environ('u'), 10)
        self.memo.remember(b'long', environ('u'), 1000)
        self.memo.remember(b'over', environ('u'), 0)
        self.memo.remember(b'long over', environ('u'), -5)
        self.assertIsNone(self.recalled(b'over'))
        self.assertIsNone(self.recalled(b'long over'))
        self.now += 10
        self.assertIsNone(self.recalled(b'short'))
        self.assertIsNotNone(self.recalled(b'long'))
        self.now += 50
        self.assertIsNone(self.recalled(b'long'))

    def test_nothing_is_remembered_for_no_time(self) -> None:
        for seconds in (0, -1):
            self.memo = IdentityMemo(seconds, lambda: self.now)
            self.memo.remember(b'k', environ('u'))
            self.assertIsNone(self.recalled(b'k'))

    def test_bounded_and_the_oldest_go_first(self) -> None:
        for number in range(memo.MAX_IDENTITIES + 10):
            self.memo.remember(b'%d' % number, environ('u'))
            self.assertLessEqual(len(self.memo._entries), memo.MAX_IDENTITIES)
        self.assertIsNone(self.recalled(b'0'))
        self.assertIsNotNone(self.recalled(b'%d' % number))

    def test_what_is_over_goes_before_what_is_not(self) -> None:
        self.memo.remember(b'live', environ('u'))
        for number in range(memo.MAX_IDENTITIES):
            self.memo.remember(b'%d' % number, environ('u'), 1)
        self.assertIsNone(self.recalled(b'live'))
        self.memo.remember(b'live', environ('u'))
        self.now += 2
        for number in range(memo.MAX_IDENTITIES):
            self.memo.remember(b'n%d' % number, environ('u'), 1)
        self.assertIsNotNone(self.recalled(b'n%d' % number))

    def test_many_threads(self) -> None:
        wrong: list[object] = []

        def work(name: str) -> None:
            for number in range(2000):
                key = f'{name}-{number % 700}'
                self.memo.remember(key.encode(), environ(key))
                found = self.recalled(key.encode()) or environ(key)
                if found['HTTP_X_USER_ID'] != key:
                    wrong.append(found)

        threads = [
            threading.Thread(target=work, args=(str(number),))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], wrong)
        self.assertLessEqual(len(self.memo._entries), memo.MAX_IDENTITIES)


class DigestTest(unittest.TestCase):
    def test_parts_do_not_run_together(self) -> None:
        keys = {
            digest('ab', ''),
            digest('a', 'b'),
            digest('', 'ab'),
            digest('ab'),
            digest('a\udcff', 'b'),
        }
        self.assertEqual(5, len(keys))

    def test_does_not_keep_the_credential(self) -> None:
        self.assertNotIn(b'token', digest('token'))


class HeadersTest(unittest.TestCase):
    def test_all_that_oslo_context_believes_is_taken_out(self) -> None:
        """A header that a new oslo.context reads must not be forged."""
        proofs = {
            'HTTP_X_AUTH_TOKEN',
            'HTTP_X_STORAGE_TOKEN',
            'HTTP_X_SERVICE_TOKEN',
        }
        believed = {
            name
            for names in context._ENVIRON_HEADERS.values()
            for name in names
            if name.startswith('HTTP_')
        }
        self.assertEqual(set(), believed - proofs - set(memo.IDENTITY_HEADERS))
        for name in (
            'HTTP_X_ROLES',
            'HTTP_X_ROLE',
            'HTTP_X_SERVICE_ROLES',
            'HTTP_X_IS_ADMIN_PROJECT',
        ):
            self.assertIn(name, memo.IDENTITY_HEADERS)
