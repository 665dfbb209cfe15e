# SPDX-License-Identifier: Apache-2.0
"""A crash at every step of an adoption, an answer lost, and then again."""

from collections.abc import Iterator
import contextlib
import pathlib

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore import errors
from secretstore.keys.adoption import Adoption
from secretstore.security import workflow
from secretstore.tests.unit.conductor.test_secrets import LosingDatabase
from secretstore.tests.unit.keys import crashing, rotation_world
from secretstore.tests.unit.security import keydir


class _Finding(rotation_world.Breaking):
    """Finds key files that somebody else made, by their references."""

    def find_master_key(self, name: str) -> str:
        with self._around('find'):
            return name


class InPlaceTest(crashing.CrashingTest):
    """In place of another key of the strategy."""

    def prepare(self) -> None:
        process = self.process()
        process.keys.start()
        self.store(process, *rotation_world.PROJECTS)
        self.begin(process)
        strategy = self.strategies()['two']
        strategy.start()
        self.reference = strategy.create_master_key()
        self.before = self.rows()

    def begin(self, process: rotation_world.Conductor) -> None:
        for strategy in ('two', 'one'):
            process.rotation.migrate(strategy)

    def strategies(
        self, failpoint: rotation_world.Failpoint | None = None
    ) -> dict[str, workflow.BaseSecurityWorkflow]:
        two = _Finding(
            keydir.configuration(self.folder / 'two'),
            failpoint or rotation_world.Failpoint(),
        )
        return {**super().strategies(failpoint), 'two': two}

    def adopt(self, process: rotation_world.Conductor) -> str:
        adoption = Adoption(process.database, process.keys.master_keys)
        row = adoption.adopt('two', self.reference)
        self.assertEqual((self.reference, True), (row.reference, row.in_use))
        return row.id

    def script(self, process: rotation_world.Conductor) -> None:
        key_id = self.adopt(process)
        self.assertEqual(key_id, process.rotation.migrate('two').id)
        process.rewrap()
        for row in process.rotation.progress().master_keys:
            if row.id != key_id:
                process.rotation.retire(row.id)
        process.destroyer.run()
        self.clock.now += rotation_world.WAIT
        process.destroyer.run()

    def goes_on(self, script: crashing.Script, expected: str) -> None:
        """Another process finds all, works, and does it again."""
        self.assert_all_open()
        process = self.process()
        process.keys.start()
        self.store(process, 'new', *rotation_world.PROJECTS)
        script(process)
        self.assert_all_open()
        self.process().keys.start()
        states = [state for _, state in self.masters()]
        self.assertEqual(['destroyed'] * len(self.before) + ['in_use'], states)
        self.assert_adopted_once()
        self.assertEqual({'two': 4}, self.under())

    def assert_adopted_once(self) -> None:
        """One row has the key, and its custodian still has it."""
        *old, last = self.rows()
        self.assertEqual(
            [row.id for row in self.before], [row.id for row in old]
        )
        self.assertEqual(self.reference, last.reference)
        self.assertTrue(last.in_use)
        self.assertIn(self.reference, {file.stem for file in self.all_files()})

    def all_files(self) -> list[pathlib.Path]:
        return sorted(self.folder.glob('*/*.key'))

    def test_all_that_follows(self) -> None:
        kinds = self.crash_everywhere(self.script, '')
        self.assertLessEqual(
            {'after find', 'before begin', 'before commit', 'after commit'},
            kinds,
        )

    def test_the_adoption_itself(self) -> None:
        """Nothing is made, nothing destroyed, and one COMMIT does it."""
        seen: list[str] = []
        crash: str | None = ''
        while crash is not None:
            crash = None
            self.anew()
            files = self.all_files()
            process, steps = self.breaking(len(seen) + 1)
            try:
                self.adopt(process)
            except rotation_world.Crash as found:
                crash = str(found)
                seen.append(crash)
                if crash == 'after commit':
                    self.assert_adopted_once()
                else:
                    self.assertEqual(self.before, self.rows(), crash)
            self.assertEqual(files, self.all_files(), crash)
        self.assertEqual(steps, seen)
        self.assertEqual('after commit', seen[-1])
        self.assertEqual(1, seen.count('after commit'))

    def test_lost_answer_of_the_commit(self) -> None:
        self.anew()
        database = LosingDatabase(self.url_of(self.folder))
        self.addCleanup(database.dispose)
        process = self.process(database=database)
        database.losses = 1
        key_id = self.adopt(process)
        self.assertEqual(0, database.losses)
        self.assert_adopted_once()
        self.assertEqual(key_id, self.rows()[-1].id)
        self.assertEqual(key_id, self.adopt(process))

    def test_database_gone_after_the_commit(self) -> None:
        """Whoever asked has an error, and is right to ask again."""
        self.anew()

        class Going(LosingDatabase):
            """Once it has committed, nothing comes back any more."""

            @contextlib.contextmanager
            def writing(self) -> Iterator[sa.Connection]:
                with super().writing() as connection:
                    yield connection
                self.is_away = True
                raise db_exc.DBConnectionError

        database = Going(self.url_of(self.folder))
        self.addCleanup(database.dispose)
        with self.assertRaises(errors.DatabaseUnavailable):
            self.adopt(self.process(database=database))
        self.assert_adopted_once()
        self.assertEqual(self.rows()[-1].id, self.adopt(self.process()))
        self.assert_adopted_once()


class FirstTest(InPlaceTest):
    """As the first key of the strategy."""

    def begin(self, process: rotation_world.Conductor) -> None:
        """The strategy has none."""
