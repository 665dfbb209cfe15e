# SPDX-License-Identifier: Apache-2.0
"""Conductors that keep keys for different times."""

from secretstore.crypto.binding import binding
from secretstore.db import secrets
from secretstore.keys import destroyer, hierarchy, reseal
from secretstore.keys.memory import KeyMemory
from secretstore.security.workflow import BaseSecurityWorkflow
from secretstore.tests.unit.db import base
from secretstore.tests.unit.keys import reseal_world, rotation_world

LONG = 10 * rotation_world.WAIT


class MemoryTest(rotation_world.RotationTest):
    def memory(self, mine: int) -> KeyMemory:
        return KeyMemory(self.database, mine)

    def test_the_longest_of_all(self) -> None:
        self.assertEqual(300, self.memory(300).longest())
        for told, longest in ((300, 300), (3000, 3000), (0, 3000)):
            self.memory(told).tell()
            self.assertEqual(longest, self.memory(300).longest())
        # Who is not told of counts as well, where it runs.
        self.assertEqual(9000, self.memory(9000).longest())

    def test_who_differs_is_told(self) -> None:
        self.memory(3000).tell()
        with self.assertLogs('secretstore.keys.memory', 'WARNING') as logged:
            self.memory(300).tell()
        self.assertIn('300 here, and 3000 of another', logged.output[0])
        self.assertIn('lower-wait', logged.output[0])
        with self.assertNoLogs('secretstore.keys.memory', 'WARNING'):
            self.memory(3000).tell()

    def test_lowered(self) -> None:
        self.memory(3000).tell()
        self.memory(300).lower()
        self.assertEqual(300, self.memory(0).longest())

    def test_a_master_key_outlives_the_longest(self) -> None:
        process = self.process()
        process.keys.start()
        self.store(process, *rotation_world.PROJECTS)
        process.rotation.rotate()
        process.rewrap()
        process.rotation.retire(self.rows()[0].id)
        told = self.memory(300)
        patient = destroyer.Destroyer(
            self.database, process.keys.master_keys, told.longest, self.clock
        )
        self.assertEqual(300, patient.run())
        self.memory(LONG).tell()
        self.clock.now += LONG - 1
        self.assertEqual(1, patient.run())
        self.assertEqual(2, self.files('one'))
        self.clock.now += 1
        self.assertIsNone(patient.run())
        self.assertEqual(1, self.files('one'))


class LongestTest(reseal_world.ResealingTest):
    """What a patient conductor stores is found by an impatient one."""

    def patient(
        self, strategies: dict[str, BaseSecurityWorkflow]
    ) -> hierarchy.KeyHierarchy:
        KeyMemory(self.database, LONG).tell()
        keys = hierarchy.KeyHierarchy(
            self.database,
            strategies,
            'one',
            cache_ttl=LONG,
            cache_size=100,
            clock=self.clock,
        )
        keys.start()
        return keys

    def test_key_in_the_memory_of_another(self) -> None:
        self.add()
        patient = self.patient(self.strategies())
        patient.seal(reseal_world.MINE, b'x', b'row')
        memory = KeyMemory(self.database, rotation_world.WAIT)
        resealer = reseal.Resealer(
            self.database,
            self.here.keys.project_keys,
            2,
            lambda: memory.longest() + reseal.IN_FLIGHT_SECONDS,
            self.clock,
        )
        self.rotate()
        self.reseal(resealer)
        # The time of its own cache, and then some.
        self.clock.now += reseal_world.WAIT
        self.reseal(resealer)
        self.add_by(patient)
        self.reseal(resealer)
        self.assert_readable()
        self.clock.now += LONG
        self.reseal(resealer)
        self.assertEqual([1], [in_use for _, in_use in self.keys_of()])
        self.assert_readable()

    def add_by(self, keys: hierarchy.KeyHierarchy) -> None:
        """A secret as the API stores it in that process."""
        row = base.secret(
            project_id=reseal_world.MINE, content_type='text/plain'
        )
        payload = b'of the patient one'
        sealed = keys.seal(
            row.project_id,
            payload,
            binding('secret', row.project_id, row.id),
        )
        stored = secrets.StoredPayload(sealed.project_key_id, sealed.record)
        with self.database.writing() as conn:
            secrets.insert(conn, row, stored)
        self.payloads[row.id] = payload
