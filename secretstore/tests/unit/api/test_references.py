# SPDX-License-Identifier: Apache-2.0
"""Where references lead, whatever stands between client and service."""

from typing import Any

from secretstore.tests.unit.api.base import ApiTest


class _References(ApiTest):
    def made(self, environ: dict[str, Any] | None = None, **more: str) -> str:
        """The reference of a new secret."""
        headers = {'Content-Type': 'application/json', **more}
        named = {key.replace('_', '-'): headers[key] for key in headers}
        answer = self.call('POST', '/v1/secrets', '{}', named, environ)
        self.assertEqual(201, answer.status_int, answer.text)
        ref: str = answer.json['secret_ref']
        self.assertEqual(ref, answer.headers['Location'])
        return ref

    def assert_below(self, base: str, ref: str) -> None:
        self.assertRegex(ref, f'^{base}/v1/secrets/[0-9a-f-]{{36}}$')

    def version_links(self, environ: dict[str, Any]) -> list[str]:
        """What GET / and GET /v1 call the address of v1."""
        every = [
            self.call('GET', '/', environ=environ).json['versions']['values'],
            [self.call('GET', '/v1', environ=environ).json['version']],
        ]
        return [found[-1]['links'][0]['href'] for found in every]


class RequestTest(_References):
    def test_the_host_of_the_request(self) -> None:
        ref = self.made(Host='keys.example.org:99')
        self.assert_below('http://keys.example.org:99', ref)

    def test_a_path_below_which_the_service_is_mounted(self) -> None:
        # uWSGI's manage-script-name, and Apache in front of a uWSGI socket.
        environ = {'SCRIPT_NAME': '/key-manager'}
        ref = self.made(environ, Host='keys.example.org')
        self.assert_below('http://keys.example.org/key-manager', ref)
        for link in self.version_links(environ):
            self.assertEqual('http://localhost/key-manager/v1/', link)

    def test_links_of_lists(self) -> None:
        environ = {'SCRIPT_NAME': '/key-manager'}
        for _ in range(2):
            self.made()
        answer = self.call('GET', '/v1/secrets?limit=1', environ=environ)
        self.assertTrue(
            answer.json['next'].startswith(
                'http://localhost/key-manager/v1/secrets?limit=1&offset=1&'
            )
        )

    def test_the_scheme_that_a_proxy_says(self) -> None:
        """As Barbican has it; anything else, of the host, is configured."""
        ref = self.made(X_Forwarded_Proto='https', Host='keys.example.org')
        self.assert_below('https://keys.example.org', ref)
        for environ, scheme in (
            ({'HTTP_X_FORWARDED_PROTO': 'https'}, 'https'),
            ({'HTTP_X_FORWARDED_PROTO': 'HTTP'}, 'http'),
            ({'HTTP_X_FORWARDED_PROTO': 'javascript'}, 'http'),
            ({'HTTP_X_FORWARDED_PROTO': ''}, 'http'),
        ):
            for link in self.version_links(environ):
                self.assertEqual(f'{scheme}://localhost/v1/', link)

    def test_nobody_may_forward_unless_it_is_configured(self) -> None:
        ref = self.made(X_Forwarded_Host='evil.example.org')
        self.assert_below('http://localhost', ref)


class HostHrefTest(_References):
    overrides = {'host_href': 'https://keys.example.org/manager/'}

    def test_the_configured_base_wins(self) -> None:
        ref = self.made(
            {'SCRIPT_NAME': '/elsewhere'},
            Host='10.0.0.1',
            X_Forwarded_Proto='http',
        )
        self.assert_below('https://keys.example.org/manager', ref)
        for link in self.version_links({}):
            self.assertEqual('https://keys.example.org/manager/v1/', link)


class ProxyTest(_References):
    """Behind a proxy that says what it was asked for."""

    configuration = '[oslo_middleware]\nenable_proxy_headers_parsing = true\n'

    def test_forwarded_host_and_scheme(self) -> None:
        ref = self.made(
            X_Forwarded_Proto='https', X_Forwarded_Host='keys.example.org'
        )
        self.assert_below('https://keys.example.org', ref)

    def test_forwarded_prefix(self) -> None:
        ref = self.made(
            X_Forwarded_Proto='https',
            X_Forwarded_Host='keys.example.org',
            X_Forwarded_Prefix='/key-manager',
        )
        self.assert_below('https://keys.example.org/key-manager', ref)

    def test_forwarded_as_rfc_7239(self) -> None:
        ref = self.made(Forwarded='proto=https;host=keys.example.org')
        self.assert_below('https://keys.example.org', ref)
