# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import shutil
import tempfile
import traceback
from typing import Any
import unittest

from secretstore import errors
from secretstore.rpc import client, connect, sealfile
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor.base import make_conf

# A slash in the password, a port that is none, half an address.
UNREADABLE = (
    'rabbit://user:hush/hush@host:5672/',
    'rabbit://user:hush@host:hush/',
    'rabbit://user:hush@[::1:5672/',
)


class ConnectTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.keys = str(self.folder / 'seal.keys')
        sealfile.create(self.keys)

    def conf(self, url: str = 'rabbit://127.0.0.1:1/', **settings: Any) -> Any:
        return make_conf(
            self.folder,
            f'[DEFAULT]\ntransport_url = {url}\n',
            **{'rpc__seal_key_file': self.keys} | settings,
        )

    def test_conductors_need_not_be_there_yet(self) -> None:
        for url in (None, 'rabbit://127.0.0.1:2/'):
            remote = client.connect(self.conf(), url)
            with self.assertRaisesRegex(
                errors.ConductorUnavailable, f'127.0.0.1:{2 if url else 1}'
            ):
                remote.health.check()

    def test_configurations_that_cannot_work(self) -> None:
        for settings, words in (
            ({'rpc__version_cap': '2.0'}, 'version_cap'),
            ({'rpc__version_cap': '1.99'}, 'newer than'),
            ({'rpc__seal_key_file': '/none'}, 'create-seal-key'),
            ({'url': 'nonsense'}, 'transport_url'),
            ({'url': 'pigeon://a'}, 'transport_url'),
        ):
            with self.assertRaisesRegex(errors.StartupError, words):
                client.connect(self.conf(**settings))

    def test_a_url_that_cannot_be_read_is_not_repeated(self) -> None:
        for url in UNREADABLE:
            for make in (
                lambda conf: client.connect(conf),
                lambda conf: connect.server(conf, bytes),
            ):
                with self.assertRaisesRegex(
                    errors.StartupError, 'transport_url: not a URL'
                ) as caught:
                    make(self.conf(url))
                said = ''.join(traceback.format_exception(caught.exception))
                self.assertNotIn('hush', said)

    def test_a_version_cap(self) -> None:
        found = client.Client.from_conf(self.conf(rpc__version_cap='1.0'))
        create = found.conductor().secrets.create
        with self.assertRaisesRegex(errors.SecretStoreError, 'version_cap'):
            create(None, None, 'an id')  # type: ignore[arg-type]

    def test_sealing_is_turned_off_by_name_only(self) -> None:
        with self.assertLogs('secretstore.rpc.sealing', 'WARNING') as logs:
            self.assertIsNone(Sealing.from_conf(self.conf(rpc__seal=False)))
        self.assertIn('do and read everything', logs.output[0])
        self.assertIsNotNone(Sealing.from_conf(self.conf()))

    def test_a_server_under_a_url_that_cannot_be_used(self) -> None:
        with self.assertRaisesRegex(errors.StartupError, 'transport_url'):
            connect.server(self.conf('pigeon://a'), bytes)

    def named(self, queues: str = '', locks: str = '', **more: Any) -> Any:
        """The name in queues; the driver takes options that are there."""
        sections = (
            f'[oslo_messaging_rabbit]\n{queues}\n[oslo_concurrency]\n{locks}\n'
        )
        conf = self.conf(f'rabbit://127.0.0.1:1/\n{sections}', **more)
        connect.name_queues(conf, 'secretstore-api')
        client.connect(conf)
        return conf.oslo_messaging_rabbit.processname

    def test_queues_are_named_after_the_program(self) -> None:
        self.assertEqual('secretstore-api', self.named())
        self.assertEqual('mine', self.named('processname = mine'))

    def test_where_the_queue_manager_has_its_locks(self) -> None:
        manager = 'use_queue_manager = true'
        good, bad = self.folder / 'locks', self.folder / 'seal.keys'
        self.named(manager, f'lock_path = {good}')
        self.assertEqual([], list(good.iterdir()))
        for locks, words in (
            ('', 'lock_path is not set'),
            (f'lock_path = {bad}', f'lock_path {bad}'),
            (f'lock_path = {bad}/locks', f'lock_path {bad}'),
            ('lock_path = /proc/1', 'lock_path /proc/1'),
        ):
            with self.assertRaisesRegex(errors.StartupError, words):
                self.named(manager, locks)
        self.named(locks=f'lock_path = {bad}')

    def test_no_queues_over_http(self) -> None:
        conf = self.conf('http://127.0.0.1:1/')
        connect.name_queues(conf, 'secretstore-api')
        self.assertNotIn('oslo_messaging_rabbit', conf)
