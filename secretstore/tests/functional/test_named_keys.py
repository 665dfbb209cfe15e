# SPDX-License-Identifier: Apache-2.0
"""What is delivered by name is what the real openssl takes."""

import typing
import uuid

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, system, web

# As Trove called it before Victoria, and as it reads backups since.
ENC = ['enc', '-aes-256-cbc', '-salt']
VICTORIA = [*ENC, '-md', 'sha512', '-pbkdf2', '-iter', '10000']
BACKUP = bytes(range(256)) * 4096
PASSWORD = r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""


class TestOpenssl(base.FunctionalTest):
    """Without a password in the configuration, and with one."""

    def served(self, **passwords: str) -> own.SecretStore:
        server = own.SecretStore(
            self.new_database('sqlite'),
            {'proprietary': passwords},
            processes=1,
        )
        self.addCleanup(server.stop)
        server.start()
        return server

    def key(self, server: own.SecretStore, path: str) -> str:
        url = f'{server.url}/workflow/v1/{path}'
        answer = web.call('PUT', url, headers=clients.noauth())
        self.assertEqual(201, answer.status, answer.body)
        key: str = answer.json()['key']
        return key

    def assert_opens(self, key: str, how: typing.Sequence[str]) -> None:
        openssl = system.find('openssl', 'openssl')
        folder = self.new_folder('openssl')
        plain, sealed, opened, password = (
            folder / name for name in ('plain', 'sealed', 'opened', 'password')
        )
        plain.write_bytes(BACKUP)
        password.write_text(key)
        by = [*how, '-pass', f'file:{password}']
        system.run([openssl, *by, '-in', plain, '-out', sealed])
        self.assertTrue(sealed.read_bytes().startswith(b'Salted__'))
        # As a command line passes it, too.
        by = [*how, '-d', '-pass', f'pass:{key}']
        system.run([openssl, *by, '-in', sealed, '-out', opened])
        self.assertEqual(BACKUP, opened.read_bytes())

    def test_generated(self) -> None:
        server = self.served()
        name = uuid.uuid4()
        for path in (
            f'backups/{name}/encryption-key',
            f'replication-users/{name}/key',
        ):
            key = self.key(server, path)
            for how in (ENC, VICTORIA):
                self.assert_opens(key, how)

    def test_configured(self) -> None:
        # $ and % are special in a configuration file, or could be.
        written = PASSWORD.replace('$', '$$')
        server = self.served(backup_password=written)
        key = self.key(server, f'backups/{uuid.uuid4()}/encryption-key')
        self.assertEqual(PASSWORD, key)
        for how in (ENC, VICTORIA):
            self.assert_opens(key, how)
