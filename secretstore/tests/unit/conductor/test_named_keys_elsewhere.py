# SPDX-License-Identifier: Apache-2.0
"""Keys by name that the strategy keeps itself."""

from collections.abc import Callable
import threading
from typing import Any, ClassVar

from oslo_config import cfg
import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import service
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.named_keys import BackupKeyManager
from secretstore.security import delivery, proprietary
from secretstore.tests.unit.conductor.base import ConductorTest, context
from secretstore.tests.unit.conductor.test_named_keys import backup_id
from secretstore.tests.unit.conductor.test_secrets import LosingDatabase

ME = context()


class Elsewhere(proprietary.SecurityWorkflow):
    """Keeps named keys itself, in this process."""

    kept: ClassVar[dict[str, str]] = {}
    made = 0

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self.before_it_returns: Callable[[], object] = lambda: None
        self.before_it_reads: Callable[[], object] = lambda: None

    def _get_or_create_key(
        self,
        keys: delivery.NamedKeys,
        name: delivery.KeyName,
        spec: delivery.KeySpec,
    ) -> delivery.Key:
        def make() -> delivery.NewKey:
            Elsewhere.made += 1
            reference = f'{name.object_id} {Elsewhere.made}'
            self.kept[reference] = f'key-{Elsewhere.made}'
            self.before_it_returns()
            return delivery.NewKey(reference=reference, spec=spec)

        return keys.get_or_create(name, make)

    def read_named_key(self, reference: str) -> str:
        meanwhile, self.before_it_reads = self.before_it_reads, lambda: None
        meanwhile()
        if reference not in self.kept:
            raise errors.MasterKeyNotFound(reference)
        return self.kept[reference]

    def delete_named_key(self, reference: str) -> None:
        self.kept.pop(reference, None)


class KeptElsewhereTest(ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {
        'security_strategy': f'{__name__}.Elsewhere'
    }

    def setUp(self) -> None:
        super().setUp()
        Elsewhere.kept.clear()
        self.losing = LosingDatabase.from_conf(self.conf)
        self.addCleanup(self.losing.dispose)
        self.keys = service.key_hierarchy(self.conf, self.losing)
        self.keys.start()
        self.backups = BackupKeyManager(
            self.losing, self.keys, Authorization(self.conf), 100
        )
        self.new_id = backup_id()

    def strategy(self) -> Elsewhere:
        found = self.keys.master_keys.strategy(self.conf.security_strategy)
        assert isinstance(found, Elsewhere)
        return found

    def delete_elsewhere(self) -> None:
        self.conductor.backup_keys.delete(ME, self.new_id)

    def test_life(self) -> None:
        made = self.backups.get_or_create(ME, self.new_id, '')
        self.assertEqual({made['key']}, set(Elsewhere.kept.values()))
        self.assertEqual(made['key'], self.backups.get(ME, self.new_id)['key'])
        self.backups.delete(ME, self.new_id)
        self.assertEqual({}, Elsewhere.kept)

    def test_who_comes_second_leaves_nothing(self) -> None:
        strategy = self.strategy()
        other = self.conductor.backup_keys
        first: list[str] = []

        def overtake() -> None:
            made = other.get_or_create(ME, self.new_id, '')
            first.append(made['key'])

        strategy.before_it_returns = overtake
        second = self.backups.get_or_create(ME, self.new_id, '')
        self.assertEqual(first, [second['key']])
        self.assertEqual(first, list(Elsewhere.kept.values()))
        self.assertFalse(second['is_new'])

    def test_lost_answers(self) -> None:
        self.losing.losses = 1
        made = self.backups.get_or_create(ME, self.new_id, '')
        self.assertTrue(made['is_new'])
        self.assertEqual([made['key']], list(Elsewhere.kept.values()))
        self.losing.losses = 1
        self.backups.delete(ME, self.new_id)
        with self.assertRaises(errors.NotFound):
            self.backups.get(ME, self.new_id)

    def test_gone_from_where_it_was_kept(self) -> None:
        self.backups.get_or_create(ME, self.new_id, '')
        Elsewhere.kept.clear()
        with self.assertRaises(errors.MasterKeyNotFound):
            self.backups.get(ME, self.new_id)
        self.backups.delete(ME, self.new_id)

    def test_deleted_while_it_is_read(self) -> None:
        self.backups.get_or_create(ME, self.new_id, '')
        self.strategy().before_it_reads = self.delete_elsewhere
        with self.assertRaises(errors.NotFound):
            self.backups.get(ME, self.new_id)

    def test_deleted_while_it_is_asked_for(self) -> None:
        first = self.backups.get_or_create(ME, self.new_id, '')
        self.strategy().before_it_reads = self.delete_elsewhere
        second = self.backups.get_or_create(ME, self.new_id, '')
        self.assertTrue(second['is_new'])
        self.assertNotEqual(first['key'], second['key'])
        self.assertEqual([second['key']], list(Elsewhere.kept.values()))

    def test_deleted_as_soon_as_it_is_made(self) -> None:
        self.strategy().before_it_reads = self.delete_elsewhere
        made = self.backups.get_or_create(ME, self.new_id, '')
        self.assertTrue(made['is_new'])
        self.assertEqual([made['key']], list(Elsewhere.kept.values()))

    def test_read_between_its_keeper_and_its_row(self) -> None:
        """Another has deleted the key, and the row not yet."""
        self.backups.get_or_create(ME, self.new_id, '')

        def delete_slowly() -> None:
            Elsewhere.kept.clear()
            self.addCleanup(timer.join)
            timer.start()

        timer = threading.Timer(0.25, self.delete_elsewhere)
        self.strategy().before_it_reads = delete_slowly
        with self.assertRaises(errors.NotFound):
            self.backups.get(ME, self.new_id)

    def test_a_strategy_that_is_not_enabled_any_more(self) -> None:
        self.backups.get_or_create(ME, self.new_id, '')
        with self.database.writing() as connection:
            connection.execute(
                sa.text('UPDATE named_keys SET strategy = :other'),
                {'other': 'other'},
            )
        for call in (self.backups.get, self.backups.delete):
            with self.assertRaises(errors.MasterKeyUnavailable) as caught:
                call(ME, self.new_id)
            message = caught.exception.message
            self.assertIn(f'The key of backup {self.new_id}', message)
            self.assertIn('security strategy other', message)
            self.assertIn('enabled_security_strategies', message)
        with self.assertLogs('secretstore.conductor', 'WARNING') as logged:
            service.build(self.conf)
        self.assertIn('other keeps 1 named keys', ''.join(logged.output))
        admin = context('admin')
        progress = self.conductor.master_keys.progress(admin)
        self.assertEqual({'other': 1}, progress['named_keys'])

    def test_a_strategy_that_keeps_none(self) -> None:
        plain = proprietary.SecurityWorkflow(self.conf)
        for call in (plain.read_named_key, plain.delete_named_key):
            with self.assertRaises(errors.MasterKeyNotFound):
                call('reference')
