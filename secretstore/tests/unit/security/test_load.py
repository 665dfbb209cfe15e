# SPDX-License-Identifier: Apache-2.0
import importlib.metadata
import os
import sys
import unittest

from oslo_config import cfg
import stevedore

from secretstore import errors
from secretstore.security import load, proprietary, workflow
from secretstore.tests.unit.security import keydir

KNOWN = importlib.metadata.entry_points(group=load.NAMESPACE).names
PATH = 'secretstore.security.proprietary.SecurityWorkflow'
ENTRY = 'secretstore.security.proprietary:SecurityWorkflow'


class Incomplete(workflow.BaseSecurityWorkflow):
    def check(self) -> None:
        """The other methods are missing."""


class Base(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = keydir.temporary_directory(self)
        self.conf = keydir.configuration(self.folder / 'keys')

    def install(self, entry_point: str, name: str = 'acme') -> None:
        """A package on the import path that brings a strategy along."""
        package = keydir.temporary_directory(self)
        info = package / f'{name}-1.0.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Name: {name}\nVersion: 1.0\n')
        (info / 'entry_points.txt').write_text(
            f'[{load.NAMESPACE}]\n{entry_point}\n'
        )
        sys.path.append(str(package))
        self.addCleanup(sys.path.remove, str(package))
        # stevedore looks once per process.
        stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear()
        self.addCleanup(stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear)

    def refusal(self, name: str) -> str:
        with self.assertRaises(errors.StartupError) as caught:
            load.load(self.conf, name)
        message = caught.exception.message
        self.assertTrue(message.startswith(f'security_strategy = {name}: '))
        self.assertNotIn('\n', message)
        return message


class LoadTest(Base):
    def test_class_path(self) -> None:
        self.assertIsInstance(
            load.load(self.conf, PATH), proprietary.SecurityWorkflow
        )

    def test_short_name_of_an_installed_package(self) -> None:
        self.install(f'acme = {ENTRY}')
        strategy = load.load(self.conf, 'acme')
        self.assertIsInstance(strategy, proprietary.SecurityWorkflow)
        self.assertIs(self.conf, strategy.conf)

    @unittest.skipUnless(
        'proprietary' in KNOWN or os.environ.get('CI'),
        'secretstore is not installed: pip install -e .',
    )
    def test_the_default(self) -> None:
        strategy = load.load(self.conf, self.conf.security_strategy)
        self.assertIsInstance(strategy, proprietary.SecurityWorkflow)

    def test_loading_touches_nothing(self) -> None:
        load.load(self.conf, PATH)
        self.assertEqual([], list(self.folder.iterdir()))

    def test_unknown_name(self) -> None:
        self.install(f'acme = {ENTRY}')
        message = self.refusal('propietary')
        self.assertIn('no strategy of this name is installed', message)
        self.assertIn('acme', message)

    def test_package_that_cannot_be_imported(self) -> None:
        self.install('broken = secretstore.not_there:SecurityWorkflow')
        self.assertIn('secretstore.not_there', self.refusal('broken'))

    def test_two_packages_with_one_name(self) -> None:
        self.install(f'twice = {ENTRY}')
        self.install('twice = secretstore.errors:Corrupt', 'other')
        self.assertIn('more than one', self.refusal('twice'))

    def test_class_path_that_does_not_exist(self) -> None:
        self.assertIn('not_there', self.refusal('secretstore.not_there.X'))
        self.assertIn('Nothing', self.refusal(f'{PATH[:-16]}Nothing'))
        for odd in ('.', '.X', 'secretstore.', '..', 'a b.c'):
            with self.subTest(odd):
                self.refusal(odd)

    def test_class_that_is_no_strategy(self) -> None:
        for path in (
            'secretstore.security.proprietary.uuid',
            'secretstore.errors.Corrupt',
            'secretstore.security.workflow.BaseSecurityWorkflow',
            f'{__name__}.Incomplete',
        ):
            with self.subTest(path):
                self.assertIn('BaseSecurityWorkflow', self.refusal(path))


class StrategiesTest(Base):
    def enabled(self, *names: str) -> cfg.ConfigOpts:
        self.conf.set_override('security_strategy', PATH)
        self.conf.set_override('enabled_security_strategies', list(names))
        return self.conf

    def test_the_default_is_always_there(self) -> None:
        self.assertEqual([PATH], list(load.strategies(self.enabled())))
        self.assertEqual([PATH], list(load.strategies(self.enabled(PATH))))

    def test_several(self) -> None:
        self.install(f'acme = {ENTRY}')
        found = load.strategies(self.enabled('acme', PATH))
        self.assertEqual([PATH, 'acme'], list(found))

    def test_names_the_option_that_is_wrong(self) -> None:
        with self.assertRaises(errors.StartupError) as caught:
            load.strategies(self.enabled('missing'))
        self.assertIn(
            'enabled_security_strategies = missing', caught.exception.message
        )
