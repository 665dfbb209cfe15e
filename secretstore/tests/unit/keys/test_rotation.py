# SPDX-License-Identifier: Apache-2.0
"""A new master key takes over."""

from collections.abc import Iterator
import contextlib
import threading

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore import errors
from secretstore.db import engine
from secretstore.db import keys as db_keys
from secretstore.keys import project_keys
from secretstore.tests.unit.keys import rotation_world


class RotateTest(rotation_world.StockedTest):
    def test_new_keys_at_once_and_old_ones_in_the_background(self) -> None:
        old = self.rows()[0]
        new = self.here.rotation.rotate()
        self.assertEqual(
            [('one', 'replaced'), ('one', 'in_use')], self.masters()
        )
        self.store(self.there, 'p4')
        progress = self.there.rotation.progress()
        self.assertEqual({old.id: 3, new.id: 1}, progress.project_keys)
        self.assertEqual((3, 0), (progress.misplaced, progress.rewrapped))
        self.assertEqual(3, self.there.rewrap())
        progress = self.there.rotation.progress()
        self.assertEqual({new.id: 4}, progress.project_keys)
        self.assertEqual((0, 3), (progress.misplaced, progress.rewrapped))
        self.assertEqual(3 / 60, progress.rate)
        self.assert_all_open()
        self.assertEqual(0, self.here.rewrap())

    def test_bounded_batches(self) -> None:
        self.here.rotation.rotate()
        moved = []
        while (batch := self.here.rewrapper.run()).more:
            moved.append(batch.moved)
        self.assertEqual(3, sum(moved))
        self.assertLessEqual(max(moved), 2)

    def test_not_enabled(self) -> None:
        with self.assertRaises(errors.InvalidInput) as caught:
            self.here.rotation.rotate('three')
        self.assertIn('enabled_security_strategies', caught.exception.message)

    def test_strategy_that_has_none(self) -> None:
        self.here.rotation.rotate('two')
        self.assertEqual(
            [('one', 'in_use'), ('two', 'in_use')], self.masters()
        )
        self.assertEqual(0, self.here.rewrap())

    def test_again_while_the_first_goes_on(self) -> None:
        self.here.rotation.rotate()
        self.here.rewrapper.run()
        last = self.here.rotation.rotate()
        self.here.rewrap()
        self.assertEqual(
            {last.id: 3}, self.here.rotation.progress().project_keys
        )
        self.assert_all_open()

    def test_committed_without_an_answer_and_replaced_meanwhile(self) -> None:
        """It looks as if the other was first, but keys are under ours."""
        test = self

        class Losing(engine.Database):
            losing = True

            @contextlib.contextmanager
            def writing(self) -> Iterator[sa.Connection]:
                with super().writing() as connection:
                    yield connection
                if self.losing:
                    self.losing = False
                    test.store(test.there, 'p4')
                    test.there.rotation.rotate()
                    raise db_exc.DBConnectionError

        losing = Losing(self.url)
        self.addCleanup(losing.dispose)
        self.process(database=losing).rotation.rotate()
        self.assertEqual(3, self.files('one'))
        self.assertEqual(4, self.process().rewrap())
        self.assert_all_open()

    def test_eight_at_once(self) -> None:
        """One key is made, all are told of it, and no other is left."""
        found = self.together(8)
        self.assertEqual(1, len(set(found)))
        self.assertEqual(
            [('one', 'replaced'), ('one', 'in_use')], self.masters()
        )
        self.assertEqual(2, self.files('one'))

    def together(self, count: int) -> list[str]:
        """The keys that so many processes rotate to, all having looked."""
        start = threading.Barrier(count)

        class Waiting(rotation_world.Breaking):
            def create_master_key(self) -> str:
                start.wait(30)
                return super().create_master_key()

        found: list[str] = []
        known = self.strategies()

        def rotate() -> None:
            own = Waiting(known['one'].conf, rotation_world.Failpoint())
            process = self.process(strategies={**known, 'one': own})
            found.append(process.rotation.rotate().id)

        threads = [threading.Thread(target=rotate) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(count, len(found))
        return found

    def test_key_made_while_the_master_key_is_replaced(self) -> None:
        """It is wrapped under the old one, and stored under the new one."""
        test = self

        class Late(rotation_world.Breaking):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                wrapped = super().wrap(reference, key, binding)
                if len(test.rows()) == 1:
                    test.here.rotation.rotate()
                    test.here.rewrap()
                    test.retire(0)
                    test.destroy()
                return wrapped

        known = self.strategies()
        late = Late(known['one'].conf, rotation_world.Failpoint())
        self.store(self.process(strategies={**known, 'one': late}), 'p4')
        self.assertEqual(
            [('one', 'destroyed'), ('one', 'in_use')], self.masters()
        )
        self.assert_all_open()

    def test_read_before_it_was_moved(self) -> None:
        """Who has read the row is told of the key that it is under now."""
        test = self

        class Late(project_keys.ProjectKeys):
            def _unwrap(self, row: db_keys.ProjectKeyRow) -> bytes:
                if len(test.rows()) == 1:
                    test.here.rotation.rotate()
                    test.here.rewrap()
                    test.retire(0)
                    test.destroy()
                return super()._unwrap(row)

        process = self.process()
        process.keys.project_keys = Late(
            self.database, process.keys.master_keys
        )
        self.assert_all_open(process)
