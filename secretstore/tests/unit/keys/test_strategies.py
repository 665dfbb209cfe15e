# SPDX-License-Identifier: Apache-2.0
"""Several strategies at a time, and projects that prefer one of them."""

from concurrent import futures
import threading

from secretstore import errors
from secretstore.db import keys as rows
from secretstore.db import secret_stores
from secretstore.keys import hierarchy, rotation
from secretstore.tests.unit.db import base
from secretstore.tests.unit.keys import world

ROW = b'row'
MINE = 'p1'


class Base(world.WorldTest):
    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = self.strategy(), self.strategy()
        self.keys_of_one = self.conductor()
        self.keys_of_one.start()

    def conductor(self, *names: str) -> hierarchy.KeyHierarchy:
        known = {'one': self.one, 'two': self.two}
        return hierarchy.KeyHierarchy(
            self.database,
            {name: known[name] for name in names or known},
            'one',
            cache_ttl=300,
            cache_size=100,
            clock=self.clock,
        )

    def prefer(self, strategy: str) -> None:
        row = secret_stores.SecretStoreRow(
            strategy, strategy, base.NOW, base.NOW
        )
        with self.database.writing() as connection:
            known = secret_stores.get_all(connection)
            if row not in known:
                secret_stores.add(connection, row)
            secret_stores.prefer(connection, MINE, row.id)
        self.keys_of_one.forget_in_use(MINE)

    def keys_made(self) -> list[tuple[str, int | None]]:
        """The strategy of each key of the project, and whether it is used."""
        return [
            (str(strategy), in_use)
            for strategy, in_use in self.sql(
                'SELECT strategy, project_keys.in_use FROM project_keys '
                'JOIN master_keys ON master_keys.id = master_key_id '
                f"WHERE project_id = '{MINE}' ORDER BY project_keys.rowid"
            )
        ]

    def masters(self) -> list[tuple[str, int]]:
        return [
            (str(strategy), in_use)
            for strategy, in_use in self.sql(
                'SELECT strategy, in_use FROM master_keys ORDER BY rowid'
            )
        ]


class PreferenceTest(Base):
    def test_default_without_one(self) -> None:
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([('one', 1)], self.keys_made())
        self.assertEqual([('one', 1)], self.masters())
        self.assertEqual({}, self.two.calls)

    def test_first_key(self) -> None:
        self.prefer('two')
        sealed = self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([('two', 1)], self.keys_made())
        self.assertEqual([('one', 1), ('two', 1)], self.masters())
        other = self.conductor()
        other.start()
        self.assertEqual(b'x', other.open(MINE, sealed.record, ROW))
        self.keys_of_one.seal('p2', b'x', ROW)
        self.assertEqual([('two', 1)], self.keys_made())

    def test_change_of_mind(self) -> None:
        """New payloads get the new store; those of before go on to open."""
        before = self.keys_of_one.seal(MINE, b'before', ROW)
        self.prefer('two')
        after = self.keys_of_one.seal(MINE, b'after', ROW)
        self.assertEqual([('one', None), ('two', 1)], self.keys_made())
        other = self.conductor()
        for keys in (self.keys_of_one, other):
            self.assertEqual(b'before', keys.open(MINE, before.record, ROW))
            self.assertEqual(b'after', keys.open(MINE, after.record, ROW))
        self.prefer('one')
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual(
            [('one', None), ('two', None), ('one', 1)], self.keys_made()
        )

    def test_other_processes_follow_within_the_ttl(self) -> None:
        other = self.conductor()
        other.seal(MINE, b'x', ROW)
        self.prefer('two')
        other.seal(MINE, b'x', ROW)
        self.assertEqual([('one', 1)], self.keys_made())
        self.clock.now += 300
        other.seal(MINE, b'x', ROW)
        self.assertEqual([('one', None), ('two', 1)], self.keys_made())

    def test_warm_cache_asks_nobody(self) -> None:
        self.prefer('two')
        sealed = self.keys_of_one.seal(MINE, b'x', ROW)
        self.two.calls.clear()
        self.statements.count = 0
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.keys_of_one.open(MINE, sealed.record, ROW)
        self.assertEqual({}, self.two.calls)
        self.assertEqual(0, self.statements.count)

    def test_no_call_while_a_connection_is_held(self) -> None:
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.prefer('two')
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.keys_of_one.check()
        self.assertGreater(self.two.calls.total(), 4)
        self.assertEqual((0, 0), (self.one.held, self.two.held))

    def test_custodian_away(self) -> None:
        """The key in use is left alone until there is another."""
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.prefer('two')
        self.keys.chmod(0o755)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([('one', 1)], self.keys_made())
        self.keys.chmod(0o700)
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([('one', None), ('two', 1)], self.keys_made())

    def unprefer(self) -> None:
        """As the API does it, in another process."""
        with self.database.writing() as connection:
            secret_stores.unprefer(connection, MINE, 'two')
            rows.retire_keys_of_others(connection, MINE, 'one')

    def test_given_up_while_the_key_is_made(self) -> None:
        """The project is not left with the store that it left."""
        self.prefer('two')
        self.two.before_wrap = self.unprefer
        first = self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([('one', 1)], self.keys_made())
        self.assertEqual(b'x', self.conductor().open(MINE, first.record, ROW))

    def test_set_while_the_key_is_made(self) -> None:
        self.one.before_wrap = lambda: self.prefer('two')
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([('two', 1)], self.keys_made())

    def test_changed_all_the_time(self) -> None:
        def back_and_forth() -> None:
            self.prefer('two')
            self.one.before_wrap = back_and_forth
            self.two.before_wrap = self.unprefer

        self.one.before_wrap = back_and_forth
        with self.assertRaises(errors.DatabaseUnavailable):
            self.keys_of_one.seal(MINE, b'x', ROW)
        self.assertEqual([], self.keys_made())

    def test_eight_conductors_make_one_key(self) -> None:
        """And one master key of the strategy, whose others are removed."""
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.prefer('two')
        conductors = [self.conductor() for _ in range(8)]
        start = threading.Barrier(8)

        def work(keys: hierarchy.KeyHierarchy) -> hierarchy.Sealed:
            start.wait(30)
            return keys.seal(MINE, b'payload', ROW)

        with futures.ThreadPoolExecutor(8) as pool:
            sealed = list(pool.map(work, conductors))
        self.assertEqual([('one', None), ('two', 1)], self.keys_made())
        self.assertEqual([('one', 1), ('two', 1)], self.masters())
        self.assertEqual(2, len(self.key_files()))
        for each in sealed:
            self.keys_of_one.open(MINE, each.record, ROW)

    def test_strategy_not_enabled(self) -> None:
        self.prefer('two')
        keys = self.conductor('one')
        with self.assertRaises(errors.MasterKeyUnavailable) as unavailable:
            keys.seal(MINE, b'x', ROW)
        with self.assertRaises(errors.StartupError) as refused:
            keys.start()
        for caught in (unavailable, refused):
            self.assertIn('strategy two', caught.exception.message)
            self.assertIn(
                'enabled_security_strategies', caught.exception.message
            )
        self.assertEqual([], self.keys_made())


class MasterKeysTest(Base):
    def test_start_makes_that_of_the_default_only(self) -> None:
        self.assertEqual([('one', 1)], self.masters())

    def test_another_default_gets_a_key_of_its_own(self) -> None:
        sealed = self.keys_of_one.seal(MINE, b'x', ROW)
        later = hierarchy.KeyHierarchy(
            self.database,
            {'two': self.two, 'one': self.one},
            'two',
            cache_ttl=300,
            cache_size=100,
        )
        later.start()
        self.assertEqual([('one', 1), ('two', 1)], self.masters())
        later.seal('p2', b'x', ROW)
        self.assertEqual(b'x', later.open(MINE, sealed.record, ROW))
        # What the project has goes on to be used.
        later.seal(MINE, b'x', ROW)
        self.assertEqual([('one', 1)], self.keys_made())

    def test_check_needs_one_that_works(self) -> None:
        self.prefer('two')
        self.keys_of_one.seal(MINE, b'x', ROW)
        self.keys_of_one.check()
        self.damage('two')
        with self.assertLogs('secretstore.keys.outages') as logs:
            # Probes ask every second: told once.
            for _ in range(2):
                self.keys_of_one.check()
        (line,) = logs.output
        self.assertIn('security strategy two cannot be used', line)
        with self.assertRaises(errors.StartupError):
            self.conductor().verify()
        self.damage('one')
        with self.assertRaises(errors.Corrupt):
            self.keys_of_one.check()

    def test_what_guards_nothing_is_no_help(self) -> None:
        """As the key of before is none once all was migrated."""
        self.prefer('two')
        self.keys_of_one.seal(MINE, b'x', ROW)
        known = self.keys_of_one.master_keys
        rotation.Rotation(self.database, known).migrate('two')
        self.keys_of_one.check()
        self.damage('two')
        with self.assertRaises(errors.Corrupt):
            self.keys_of_one.check()

    def test_check_tells_when_it_works_again(self) -> None:
        self.prefer('two')
        self.keys_of_one.seal(MINE, b'x', ROW)
        ((value,),) = self.sql(
            "SELECT check_value FROM master_keys WHERE strategy = 'two'"
        )
        self.damage('two')
        self.keys_of_one.check()
        self.sql(
            f"UPDATE master_keys SET check_value = x'{value.hex()}' "
            f"WHERE strategy = 'two'"
        )
        with self.assertLogs('secretstore.keys.outages', 'INFO') as logs:
            self.keys_of_one.check()
        self.assertIn('can be used again', logs.output[0])

    def damage(self, strategy: str) -> None:
        self.sql(
            f"UPDATE master_keys SET check_value = x'01' "
            f"WHERE strategy = '{strategy}'"
        )
