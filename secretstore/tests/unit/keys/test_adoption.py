# SPDX-License-Identifier: Apache-2.0
"""Keys that were made without the service become master keys."""

from concurrent import futures
import threading

from secretstore import errors
from secretstore.keys.adoption import Adoption
from secretstore.security import proprietary, workflow
from secretstore.tests.unit.keys import rotation_world as world
from secretstore.tests.unit.security import keydir


class _Finding(proprietary.SecurityWorkflow):
    """Finds key files that somebody else made, by their references."""

    def find_master_key(self, name: str) -> str:
        return name


class AdoptionTest(world.RotationTest):
    def setUp(self) -> None:
        super().setUp()
        self.conductor = self.process()
        self.conductor.keys.start()

    def strategies(
        self, failpoint: world.Failpoint | None = None
    ) -> dict[str, workflow.BaseSecurityWorkflow]:
        return {
            **super().strategies(failpoint),
            'two': _Finding(keydir.configuration(self.folder / 'two')),
        }

    def made_elsewhere(self) -> str:
        strategy = _Finding(keydir.configuration(self.folder / 'two'))
        strategy.start()
        return strategy.create_master_key()

    def adoption(self) -> Adoption:
        return Adoption(self.database, self.conductor.keys.master_keys)

    def adopt(self, reference: str) -> str:
        row = self.adoption().adopt('two', reference)
        self.assertEqual((reference, True), (row.reference, row.in_use))
        return row.id

    def test_the_first_key(self) -> None:
        reference = self.made_elsewhere()
        key_id = self.adopt(reference)
        self.assertEqual(
            [('one', 'in_use'), ('two', 'in_use')], self.masters()
        )
        # It is the key that a migration takes.
        self.store(self.conductor, 'p1', 'p2')
        self.assertEqual(key_id, self.conductor.rotation.migrate('two').id)
        self.conductor.rewrap()
        self.assertEqual({'two': 2}, self.under())
        self.assert_all_open()

    def test_in_place_of_another(self) -> None:
        self.conductor.rotation.migrate('two')
        self.store(self.conductor, 'p1', 'p2', 'p3')
        self.adopt(self.made_elsewhere())
        self.assertEqual(
            [('one', 'in_use'), ('two', 'replaced'), ('two', 'in_use')],
            self.masters(),
        )
        self.assertEqual(3, self.conductor.rewrap())
        self.assert_all_open()

    def test_again(self) -> None:
        reference = self.made_elsewhere()
        self.assertEqual(self.adopt(reference), self.adopt(reference))
        self.assertEqual(2, len(self.masters()))

    def test_at_once(self) -> None:
        self.conductor.rotation.migrate('two')
        reference = self.made_elsewhere()
        start = threading.Barrier(4)

        def work(_: int) -> str:
            start.wait()
            return self.adopt(reference)

        with futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(1, len(set(pool.map(work, range(4)))))
        # Two rows of one key, and retiring one would destroy the other's.
        self.assertEqual(
            [('one', 'in_use'), ('two', 'replaced'), ('two', 'in_use')],
            self.masters(),
        )

    def test_a_key_is_used_once(self) -> None:
        reference = self.made_elsewhere()
        self.adopt(reference)
        self.conductor.rotation.rotate('two')
        with self.assertRaisesRegex(errors.Conflict, 'which is replaced'):
            self.adoption().adopt('two', reference)

    def test_what_does_not_work(self) -> None:
        before = self.masters()
        with self.assertRaises(errors.MasterKeyNotFound):
            self.adoption().adopt('two', 'b' * 32)
        with self.assertRaisesRegex(errors.InvalidInput, 'those it makes'):
            self.adoption().adopt('one', 'x')
        with self.assertRaisesRegex(errors.InvalidInput, 'not enabled'):
            self.adoption().adopt('three', 'x')
        self.assertEqual(before, self.masters())
