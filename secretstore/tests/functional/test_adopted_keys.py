# SPDX-License-Identifier: Apache-2.0
"""Keys that an operator makes in the token are taken as master keys."""

import os

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, system, tokens, web

ADMIN = clients.noauth('admin', 'admin')
BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}


class TestAdoptedKeys(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        self.token = tokens.SoftHsm()
        self.token.use_in(self)
        self.server = own.SecretStore(
            self.new_database('sqlite'),
            {
                'DEFAULT': {'enabled_security_strategies': 'pkcs11'},
                'pkcs11': self.token.options(),
                'conductor': {'key_cache_ttl': 1, 'rewrap_interval': 1},
            },
            processes=1,
        )
        self.addCleanup(self.server.stop)
        self.server.start()

    def rotate(self, key: str) -> str:
        words = ['rotate', '--strategy=pkcs11', f'--key={key}']
        return self.server.manage('master-key', *words)

    def refusal(self, key: str) -> str:
        with self.assertRaises(system.Error) as caught:
            self.rotate(key)
        message = str(caught.exception)
        self.assertIn('secretstore-manage: ', message)
        self.assertNotIn('Traceback', message)
        return message

    def in_use(self, reference: str) -> bool:
        """Whether that is the key in use, and all are under it."""
        url = f'{self.server.url}/workflow/v1/master-keys'
        found = web.call('GET', url, headers=ADMIN).json()
        return not found['rewrapping']['to_do'] and any(
            key['reference'] == reference and key['project_keys']
            for key in found['master_keys']
        )

    def assert_all_come_under(self, reference: str) -> None:
        system.wait_for(reference, lambda: self.in_use(reference), 30)
        answer = web.call('GET', f'{self.secret}/payload', headers=self.reader)
        self.assertEqual((200, b'hush'), (answer.status, answer.body))

    def test_made_by_the_command_and_by_other_tools(self) -> None:
        headers = clients.noauth()
        url = f'{self.server.url}/v1/secrets'
        answer = web.call('POST', url, BODY, headers)
        self.secret = answer.json()['secret_ref']
        self.reader = {**headers, 'Accept': 'text/plain'}
        made = self.server.manage('hsm', 'create-key').splitlines()[-1]
        self.assertIn(f'reference {made}', self.rotate(made))
        self.server.manage('master-key', 'migrate', '--to=pkcs11')
        self.assert_all_come_under(made)

        key = tokens.aes('of-the-hsm', b'\x07', os.urandom(32))
        self.token.import_keys(key)
        other = 'pkcs11:object=of-the-hsm;id=%07;type=secret-key'
        self.assertIn(f'reference {other}', self.rotate('of-the-hsm'))
        self.assert_all_come_under(other)
        self.assertIn('which is replaced', self.refusal(made))

    def test_refused(self) -> None:
        before = self.server.manage('master-key', 'list')
        good = tokens.aes('good', b'\x01', os.urandom(32))
        self.token.import_keys(
            good,
            good | {'ID': '02'},
            good | {'LABEL': 'open', 'EXTRACTABLE': True},
            good | {'LABEL': 'idle', 'ENCRYPT': False},
        )
        for key, words in (
            ('good', '2 AES keys of the token have this name'),
            ('open', 'can leave the token'),
            ('idle', 'was not made for'),
        ):
            self.assertIn(words, self.refusal(key))
        self.assertEqual(before, self.server.manage('master-key', 'list'))
        self.assertIn('id=%02', self.rotate('good/02'))
