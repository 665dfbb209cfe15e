# SPDX-License-Identifier: Apache-2.0
"""The example in the documentation, installed as a package of its own."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing
import unittest

from oslo_config import cfg
import stevedore

from secretstore import conf as options
from secretstore import errors
from secretstore.security import load, workflow
from secretstore.tests.contract import strategy

_EXAMPLE = 'doc/source/contributor/example_strategy'
EXAMPLE = pathlib.Path(__file__).parents[3] / _EXAMPLE
CLASS_PATH = 'acme_keys.SecurityWorkflow'


@unittest.skipUnless(EXAMPLE.exists(), 'not a checkout')
class ExampleTest(strategy.StrategyContract, unittest.TestCase):
    site: typing.ClassVar[pathlib.Path]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.site = folder / 'site'
        # What is built is left beside the sources.
        sources = shutil.copytree(EXAMPLE, folder / 'sources')
        subprocess.run(
            [
                *(sys.executable, '-m', 'pip', 'install', '--quiet'),
                *('--no-index', '--no-deps', '--no-build-isolation'),
                *('--disable-pip-version-check', '--target', cls.site),
                sources,
            ],
            check=True,
        )
        sys.path.append(str(cls.site))
        cls.addClassCleanup(sys.path.remove, str(cls.site))
        cache = stevedore.ExtensionManager.ENTRY_POINT_CACHE
        cache.clear()
        cls.addClassCleanup(cache.clear)

    def setUp(self) -> None:
        disk = tempfile.TemporaryDirectory()
        self.addCleanup(disk.cleanup)
        self.disk = pathlib.Path(disk.name)
        self.conf = cfg.ConfigOpts()
        options.register_opts(self.conf)
        file = self.disk / 'secretstore.conf'
        file.write_text(f'[acme]\nkey_file = {self.disk}/keys.sqlite\n')
        self.conf([], default_config_files=[str(file)])
        super().setUp()

    def build(self) -> workflow.BaseSecurityWorkflow:
        return load.load(self.conf, 'acme')

    def test_it_is_short(self) -> None:
        text = (EXAMPLE / 'acme_keys.py').read_text()
        self.assertLessEqual(len(text.splitlines()), 60)

    def test_by_class_path(self) -> None:
        other = load.load(self.conf, CLASS_PATH)
        self.assertIs(type(self.strategy), type(other))
        self.assertTrue(
            str(sys.modules[type(other).__module__].__file__).startswith(
                str(self.site)
            )
        )

    def test_disk_away_and_back(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, b'b')
        keys = self.disk / 'keys.sqlite'
        away = keys.rename(self.disk / 'away')
        for call in (
            self.strategy.check,
            lambda: self.strategy.unwrap(self.reference, wrapped, b'b'),
        ):
            with self.assertRaises(errors.MasterKeyUnavailable):
                call()
        away.rename(keys)
        self.assertEqual(
            self.key, self.strategy.unwrap(self.reference, wrapped, b'b')
        )
