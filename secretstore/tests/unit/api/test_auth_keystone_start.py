# SPDX-License-Identifier: Apache-2.0
"""What of [keystone_authtoken] cannot work ends the start."""

from collections.abc import Iterable
from pathlib import Path
import sys
import tempfile
from typing import TYPE_CHECKING, Any
import unittest
import unittest.mock

from secretstore import errors
from secretstore.api import auth
from secretstore.tests.unit.conductor.base import make_conf

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

URL = 'http://127.0.0.1:1'


def nothing(
    environ: dict[str, Any], start_response: 'StartResponse'
) -> Iterable[bytes]:
    """An application that nobody calls."""
    return []


class StartTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def build(self, text: str) -> None:
        conf = make_conf(
            self.folder,
            f'[keystone_authtoken]\n{text}\n',
            auth_strategy='keystone',
        )
        auth.authenticated(nothing, conf)

    def assert_refused(self, text: str, *words: str) -> None:
        with self.assertRaises(errors.StartupError) as caught:
            self.build(text)
        message = caught.exception.message
        for word in ('[keystone_authtoken] ', *words):
            self.assertIn(word, message)
        self.assertNotIn('\n', message)

    def test_who_we_are_to_the_identity_service(self) -> None:
        url = f'auth_url = {URL}'
        self.assert_refused(url, 'auth_type is not set')
        self.assert_refused(f'{url}\nauth_type = pasword', 'pasword')
        self.assert_refused('auth_type = password', 'auth_url')

    def test_what_the_cache_needs(self) -> None:
        good = f'auth_type = password\nauth_url = {URL}\n'
        self.assert_refused(
            f'{good}memcache_security_strategy = ENCRYPT',
            'memcache_secret_key',
        )
        cached = f'{good}memcached_servers = 127.0.0.1:1\n'
        without = {'memcache': None, 'bmemcached': None}
        with unittest.mock.patch.dict(sys.modules, without):
            self.assert_refused(cached, 'pip install secretstore[memcached]')
            self.assert_refused(
                f'{cached}memcache_tls_enabled = true', 'binary-memcached'
            )
            self.build(good)
