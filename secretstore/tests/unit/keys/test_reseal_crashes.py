# SPDX-License-Identifier: Apache-2.0
"""A crash at every step of the rotation of a project key, and then again."""

from secretstore.keys import reseal
from secretstore.tests.unit.keys import crashing, reseal_world, rotation_world


class CrashTest(crashing.CrashingTest, reseal_world.ResealingTest):
    def prepare(self) -> None:
        self.add(3)

    def script(self, process: rotation_world.Conductor) -> None:
        process.keys.project_keys.rotate(reseal_world.MINE)
        # The database of the process, where it crashes.
        resealer = reseal.Resealer(
            process.database,
            process.keys.project_keys,
            2,
            lambda: reseal_world.WAIT,
            self.clock,
        )
        for _ in range(2):
            self.reseal(resealer)
            self.clock.now += reseal_world.WAIT

    def goes_on(self, script: crashing.Script, expected: str) -> None:
        self.assert_readable()
        process = self.process()
        process.keys.start()
        script(process)
        self.assert_readable()
        self.assertEqual([1], [in_use for _, in_use in self.keys_of()])
        self.assertEqual(1, len(self.under()))

    def test_rotate(self) -> None:
        kinds = self.crash_everywhere(self.script, '')
        self.assertIn('after wrap', kinds)
        self.assertIn('before commit', kinds)
