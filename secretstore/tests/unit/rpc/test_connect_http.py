# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import types
from typing import Any
import unittest

from secretstore import errors
from secretstore.rpc import client, connect, sealfile, wire
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor.base import make_conf

_IMPORTED = """
import json, sys
from oslo_config import cfg
from secretstore import conf as options
from secretstore.rpc import client
options.register_opts(cfg.CONF)
cfg.CONF(['--config-file', sys.argv[1]], default_config_files=[])
client.connect(cfg.CONF)
print(json.dumps([name for name in sys.modules if sys.modules[name]]))
"""


class _Health:
    """All of a conductor that these tests ask."""

    asked = 0

    def check(self) -> None:
        self.asked += 1


class ConnectTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.keys = str(self.folder / 'seal.keys')
        sealfile.create(self.keys)

    def conf(self, url: str, **settings: Any) -> Any:
        text = f'[DEFAULT]\ntransport_url = {url}\n' if url else ''
        return make_conf(
            self.folder, text, **{'rpc__seal_key_file': self.keys} | settings
        )

    def serve(self, url: str, **settings: Any) -> tuple[Any, _Health]:
        conf = self.conf(url, **settings)
        health = _Health()
        handle = _dispatcher(health, Sealing.from_conf(conf)).handle
        sockets = connect.listening(conf)
        assert sockets is not None
        self.addCleanup(sockets.close)
        server = connect.server(conf, handle, sockets)
        server.start()
        self.addCleanup(server.stop, 5)
        return sockets.addresses[0], health

    def test_host_and_port(self) -> None:
        address, health = self.serve(
            'http://127.0.0.1/', rpc__listen=['127.0.0.1:0']
        )
        client.connect(self.conf(f'{address}/')).health.check()
        client.connect(self.conf(''), str(address)).health.check()
        self.assertEqual(2, health.asked)

    def test_a_unix_socket(self) -> None:
        path = f'{self.folder}/conductor.sock'
        url = f'http+unix://{path}'
        _, health = self.serve(url, rpc__listen=[path])
        client.connect(self.conf(url)).health.check()
        self.assertEqual(1, health.asked)

    def test_a_large_request(self) -> None:
        for limit in (2**16, 2**18):
            path = f'{self.folder}/{limit}.sock'
            url = f'http+unix://{path}'
            self.serve(url, rpc__listen=[path], rpc__max_request_size=limit)
            call = connect.transport(self.conf(url)).call
            for size in (limit, limit + 1):
                with self.subTest(limit=limit, size=size):
                    try:
                        answer = call(
                            lambda _, size=size: b'x' * size,
                            repeatable=False,
                            refused=wire.is_refused,
                        )
                    except errors.PayloadTooLarge:
                        self.assertGreater(size, limit)
                    else:
                        self.assertEqual(size, limit)
                        self.assertIn(b'-32700', answer)

    def test_nobody_is_there(self) -> None:
        remote = client.connect(self.conf('http://127.0.0.1:1,127.0.0.1:2'))
        with (
            self.assertLogs('secretstore.rpc'),
            self.assertRaisesRegex(
                errors.ConductorUnavailable,
                '127.0.0.1:[12]: .*127.0.0.1:[12]: ',
            ),
        ):
            remote.health.check()

    def test_what_cannot_be_used(self) -> None:
        for url, words in (
            ('', 'transport_url is not set'),
            ('http://', 'transport_url.*no conductor'),
            ('http://a:b/', 'transport_url.*neither'),
            ('http+unix://a', 'transport_url.*path'),
        ):
            with self.assertRaisesRegex(errors.StartupError, words):
                client.connect(self.conf(url))
            with self.assertRaisesRegex(errors.StartupError, words):
                connect.listening(self.conf(url))

    def test_a_server_without_a_certificate(self) -> None:
        conf = self.conf('https://127.0.0.1', rpc__listen=['127.0.0.1:0'])
        with self.assertRaisesRegex(errors.StartupError, 'ssl_cert_file'):
            connect.listening(conf)
        conf = self.conf('https://127.0.0.1', rpc__ssl_cert_file='/none.pem')
        with self.assertRaisesRegex(errors.StartupError, '/none.pem'):
            connect.listening(conf)

    def test_oslo_messaging_is_not_needed(self) -> None:
        file = self.folder / 'a.conf'
        file.write_text(
            '[DEFAULT]\ntransport_url = http://127.0.0.1:1/\n'
            f'[rpc]\nseal_key_file = {self.keys}\n'
        )
        done = subprocess.run(
            [sys.executable, '-c', _IMPORTED, str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        found = json.loads(done.stdout)
        self.assertIn('secretstore.rpc.http.client', found)
        roots = {name.partition('.')[0] for name in found}
        unwanted = {'oslo_messaging', 'oslo_service', 'sqlalchemy', 'eventlet'}
        self.assertEqual(set(), roots & unwanted)


def _dispatcher(health: _Health, seal: Sealing | None) -> Dispatcher:
    methods = {
        name: method
        for name, method in client.codec.METHODS.items()
        if name == 'health.check'
    }
    conductor: Any = types.SimpleNamespace(health=health)
    return Dispatcher(conductor, seal, methods=methods)
