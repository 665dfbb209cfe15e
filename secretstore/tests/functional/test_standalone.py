# SPDX-License-Identifier: Apache-2.0
"""The service that `make run` starts: no configuration, no other server."""

import os
import pathlib
import re
import shlex
import signal
import socket
import stat
import time
import unittest

from secretstore.tests.functional import base, clients, refusal
from secretstore.tests.functional.services import own, system, web

BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}


class TestStateFolder(base.FunctionalTest):
    def test_closed_to_others(self) -> None:
        with own.Standalone() as server:
            self._store(server)
            folders = [server.state_folder, server.state_folder / 'keys']
            for folder in folders:
                self.assertEqual(0o700, _mode(folder), folder)
                for file in folder.iterdir():
                    if file.is_file():
                        self.assertEqual(0o600, _mode(file), file)

    def test_second_start_changes_nothing(self) -> None:
        server = own.Standalone()
        with server:
            ref = self._store(server)
            before = _files(server)
        config = server.state_folder / 'secretstore.conf'
        config.write_text(config.read_text() + '\n# edited\n')
        with server:
            self._reads(server, ref)
            after = _files(server)
        after['secretstore.conf'] = after['secretstore.conf'].removesuffix(
            b'\n# edited\n'
        )
        self.assertEqual(before, after)

    def test_another_port(self) -> None:
        first = own.Standalone()
        with first:
            first.openstack('secret', 'store', '--name', 'one')
        second = own.Standalone(first.state_folder)
        self.assertNotEqual(first.port, second.port)
        with second:
            self.assertIn('one', second.openstack('secret', 'list'))

    def test_new_password(self) -> None:
        """Without the password file there is a new one, for the same user."""
        server = own.Standalone()
        with server:
            ref = self._store(server)
            old = clients.basic_auth(server)
        (server.state_folder / 'users').unlink()
        with server:
            self._reads(server, ref)
            self.assertEqual(401, web.call('GET', ref, headers=old).status)

    def test_two_first_starts(self) -> None:
        """Of two at the same time at least one serves, with its password."""
        first = own.Standalone()
        second = own.Standalone(first.state_folder)
        for server in (first, second):
            self.addCleanup(server.kill)
            server.launch()
        system.wait_for(
            'one of two', lambda: first.ready() or second.ready(), 30
        )
        for server in (first, second):
            if server.running:
                system.wait_for('start', server.ready, 30)
                self._reads(server, self._store(server))
            else:
                self.assertNotIn('Traceback', server.log_text())
        keys = list((first.state_folder / 'keys').iterdir())
        self.assertEqual(1, len(keys))

    def _store(self, server: own.Standalone) -> str:
        answer = web.call(
            'POST',
            f'{server.url}/v1/secrets',
            BODY,
            clients.basic_auth(server),
        )
        self.assertEqual(201, answer.status, answer.body)
        return str(answer.json()['secret_ref'])

    def _reads(self, server: own.Standalone, ref: str) -> None:
        headers = clients.basic_auth(server)
        answer = web.call('GET', f'{ref}/payload', headers=headers)
        self.assertEqual((200, b'hush'), (answer.status, answer.body))


class TestCommand(base.FunctionalTest):
    def test_printed_commands(self) -> None:
        """What it prints can be copied into a shell as it is."""
        with own.Standalone() as server:
            found = re.findall(
                r'^  (?:.*\\\n)*.*$', server.log_text(), re.MULTILINE
            )
            *ready, read = [line.strip() for line in found]
            listed = self._shell(server, '\n'.join(ready))
            (ref,) = set(re.findall(r'http://\S*/v1/secrets/\S*', listed))
            read = read.replace('SECRET_HREF', shlex.quote(ref))
            shown = self._shell(server, '\n'.join([*ready[:2], read]))
            self.assertIn('s3cret', shown)

    def _shell(self, server: own.Standalone, script: str) -> str:
        env = system.environment(HOME=str(server.folder))
        return system.run(['sh', '-euc', script], env=env, cwd=server.folder)

    def test_strangers(self) -> None:
        with own.Standalone() as server:
            user, _ = clients.login(server)
            url = f'{server.url}/v1/secrets'
            encoded = clients.encoded_login(user, 'wrong')
            for headers in (
                {},
                {'Authorization': encoded},
                {'Authorization': 'Basic ???'},
                {'Authorization': 'Bearer x'},
                clients.noauth(user, 'admin'),
            ):
                answer = web.call('GET', url, headers=headers)
                self.assertEqual(401, answer.status, headers)
                self.assertEqual(401, answer.json()['code'])
                self.assertIn(
                    'basic', answer.headers['www-authenticate'].lower()
                )
            self.assertEqual(300, web.call('GET', server.url).status)

    def test_ends_when_told(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with own.Standalone() as server:
                os.kill(server.pid, number)
                system.wait_for('end', lambda: not server.running, 10)  # noqa: B023
                self.assertNotIn('Traceback', server.log_text())
                self.assertFalse(web.answers(server.url))

    def test_ends_when_told_before_it_serves(self) -> None:
        for delay in (0.2, 0.8, 1.0, 1.2, 1.5):
            server = own.Standalone()
            self.addCleanup(server.kill)
            server.launch()
            time.sleep(delay)
            os.kill(server.pid, signal.SIGTERM)
            system.wait_for('end', lambda: not server.running, 10)  # noqa: B023
            self.assertNotIn('Traceback', server.log_text())

    def test_says_everything_once(self) -> None:
        with own.Standalone() as server:
            said = server.log_text()
            self.assertEqual(1, said.count('development and small sites'))
            self.assertEqual(1, said.count('listens on'))
            self.assertNotIn('blocking threads', said)
            self.assertNotIn('[WARN', said)

    @unittest.skipUnless(socket.has_ipv6, 'no IPv6 here')
    def test_ipv6(self) -> None:
        server = own.Standalone(arguments=['--host', '::1'])
        url = f'http://[::1]:{server.port}'
        self.addCleanup(server.stop)
        server.launch()
        system.wait_for('answer', lambda: web.answers(url))
        self.assertIn(f'listens on {url};', server.log_text())

    def test_port_in_use(self) -> None:
        with own.Standalone() as server:
            second = own.Standalone()
            second.port = server.port
            line = refusal.of(self, second)
            self.assertIn(str(server.port), line)
            self.assertIn('--port', line)
            self.assertFalse(second.state_folder.exists())

    def test_own_configuration(self) -> None:
        folder = self.new_folder('own')
        config = folder / 'own.conf'
        config.write_text(
            '[DEFAULT]\nauth_strategy = noauth\n'
            f'[proprietary]\ncrypt_key_dir = {folder}/keys\n'
            f'[database]\nconnection = sqlite:///{folder}/own.db\n'
        )
        with own.Standalone(
            arguments=['--config-file', str(config)]
        ) as server:
            url = f'{server.url}/v1/secrets'
            self.assertEqual(201, web.call('POST', url, BODY).status)
            self.assertFalse(server.state_folder.exists())
            said = server.log_text()
            self.assertIn(f'its configuration is {config}.', said)
            self.assertNotIn('clouds.yaml', said)

    def test_unusable_folder(self) -> None:
        file = self.new_folder() / 'file'
        file.write_text('')
        line = refusal.of(self, own.Standalone(file))
        self.assertIn(str(file), line)

    def test_wrong_option(self) -> None:
        server = own.Standalone()
        with server:
            pass
        config = server.state_folder / 'secretstore.conf'
        good = config.read_text()
        for old, new, word in (
            ('http_basic', 'trust', 'auth_strategy'),
            ('[DEFAULT]', 'rubbish', str(config)),
            ('sqlite:', 'sqlite+unheard:', '[database] connection'),
        ):
            config.write_text(good.replace(old, new, 1))
            self.assertIn(word, refusal.of(self, server))


def _mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(server: own.Standalone) -> dict[str, bytes]:
    """What is in the state folder, but for the database."""
    return {
        str(path.relative_to(server.state_folder)): path.read_bytes()
        for path in server.state_folder.rglob('*')
        if path.is_file() and 'secretstore.db' not in path.name
    }
