# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import stat
import sys
import tempfile
import time
import unittest

from oslo_config import cfg

from secretstore import conf as options
from secretstore.cmd import distributed

ENDPOINTS = ['127.0.0.1:9321', '127.0.0.1:9322']


class ConfigureTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)

    def read(self, file: Path) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        options.register_opts(conf)
        conf(['--config-file', str(file)], default_config_files=[])
        return conf

    def test_the_api_is_told_neither_database_nor_keys(self) -> None:
        api, *_ = distributed._configure(self.directory, ENDPOINTS)
        conf = self.read(api)
        self.assertEqual('rpc', conf.api.conductor)
        self.assertIsNone(conf.database.connection)
        text = api.read_text()
        self.assertIn('http://127.0.0.1:9321,127.0.0.1:9322/', text)
        self.assertNotIn('crypt_key_dir', text)

    def test_a_file_for_each_process(self) -> None:
        files = distributed._configure(self.directory, ENDPOINTS)
        self.assertEqual(3, len(set(files)))
        for file, endpoint in zip(files[1:], ENDPOINTS, strict=True):
            self.assertIn(f'listen = {endpoint}\n', file.read_text())
        for file in files:
            self.assertEqual(0o600, stat.S_IMODE(file.stat().st_mode))

    def test_other_ports_at_the_next_start(self) -> None:
        distributed._configure(self.directory, ENDPOINTS)
        files = distributed._configure(self.directory, ['127.0.0.1:1'])
        for file in files:
            self.assertNotIn('9321', file.read_text())


class ProcessesTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.processes = distributed.Processes()
        self.addCleanup(self.processes.stop)

    def start(self, name: str, code: str) -> None:
        self.processes.start(name, [sys.executable, '-c', code])

    def test_what_ended_is_told_once(self) -> None:
        self.start('one', 'import sys; sys.exit(3)')
        self.start('two', 'import time; time.sleep(60)')
        found: dict[str, int] = {}
        end = time.monotonic() + 30
        while not found and time.monotonic() < end:
            found = self.processes.ended()
            time.sleep(0.01)
        self.assertEqual({'one': 3}, found)
        self.assertEqual({}, self.processes.ended())
        self.assertEqual({'two'}, self.processes.names())

    def test_stop(self) -> None:
        for name in 'ab':
            self.start(name, 'import time; time.sleep(60)')
        began = time.monotonic()
        self.processes.stop()
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(set(), self.processes.names())
