# SPDX-License-Identifier: Apache-2.0
"""The ways to run the split form that doc/source/install/split.rst has."""

import pathlib
import ssl
import urllib.request

from secretstore.tests.functional import base, clients, services
from secretstore.tests.functional.services import own, split, web
from secretstore.tests.unit.rpc.http.test_tls import Authority

HEADERS = clients.noauth()
TEXT = {**HEADERS, 'Content-Type': 'text/plain'}
BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}


class RecipesTest(base.FunctionalTest):
    def made(self, kind: str = 'sqlite') -> split.Split:
        return split.Split(self.new_database(kind), api_processes=1)

    def works(self, service: split.Split, headers: dict[str, str]) -> None:
        """Store, read and list, in one step and in two."""
        url = f'{service.url}/v1/secrets'
        stored = web.call('POST', url, BODY, headers)
        self.assertEqual(201, stored.status, stored.body)
        ref = stored.json()['secret_ref']
        read = web.call('GET', f'{ref}/payload', headers=headers)
        self.assertEqual((200, b'hush'), (read.status, read.body))
        empty = web.call('POST', url, {}, headers).json()['secret_ref']
        text = {**headers, 'Content-Type': 'text/plain'}
        self.assertEqual(204, web.call('PUT', empty, b'later', text).status)
        self.assertEqual(
            2, web.call('GET', url, headers=headers).json()['total']
        )
        self.assertEqual(204, web.call('DELETE', ref, headers=headers).status)

    def test_keystone_mariadb_and_memcached(self) -> None:
        service = self.made('mariadb')
        keystone = services.keystone()
        options = own.with_keystone(keystone, services.memcached())
        for group, values in options.items():
            service.api.options.setdefault(group, {}).update(values)
        with service:
            token = keystone.token('bench')
            self.works(service, {'X-Auth-Token': token})
            refused = web.call('GET', f'{service.url}/v1/secrets')
            self.assertEqual(401, refused.status)

    def test_a_unix_socket(self) -> None:
        service = self.made()
        # The path of a socket has to be short.
        path = pathlib.Path(self.new_folder('s')) / 'c.sock'
        first, other = service.conductors
        service.conductors.remove(other)
        first.options['rpc']['listen'] = path
        for server in (first, service.api):
            server.options['DEFAULT']['transport_url'] = f'http+unix://{path}'
        with service:
            self.works(service, HEADERS)
            self.assertEqual(0o660, path.stat().st_mode & 0o777)
        self.assertFalse(path.exists())

    def test_certificates_on_both_sides(self) -> None:
        service = self.made()
        authority = Authority(service.folder, 'ca')
        url = service.transport_url.replace('http:', 'https:')
        for server, name in (
            *[(conductor, 'server') for conductor in service.conductors],
            (service.api, 'client'),
        ):
            files = authority.issue(name)
            server.options['DEFAULT']['transport_url'] = url
            server.options['rpc'].update(
                ssl_cert_file=files.certificate,
                ssl_key_file=files.key,
                ssl_ca_file=authority.file,
            )
        with service:
            self.works(service, HEADERS)
            trusting = ssl.create_default_context(cafile=authority.file)
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}),
                urllib.request.HTTPSHandler(context=trusting),
            )
            # A stranger, who has no certificate.
            with self.assertRaises(OSError) as caught:
                opener.open(f'https://{service.conductors[0].endpoint}/')
            self.assertIn('certificate', str(caught.exception).lower())

    def test_an_api_of_the_release_before(self) -> None:
        service = self.made()
        service.api.options['rpc']['version_cap'] = '1.0'
        with service:
            self.works(service, HEADERS)
