# SPDX-License-Identifier: Apache-2.0
"""A crash at every step of rotate, migrate and retire, and then again."""

from secretstore.keys import rotation
from secretstore.tests.unit.keys import crashing, rotation_world


class CrashTest(crashing.CrashingTest):
    def prepare(self) -> None:
        process = self.process()
        process.keys.start()
        self.store(process, *rotation_world.PROJECTS)

    def finish(self, process: rotation_world.Conductor) -> None:
        """What conductors and administrators do until nothing is left."""
        process.rewrap()
        progress = process.rotation.progress()
        for row in progress.master_keys:
            others = row.in_use and row.strategy != progress.default
            if rotation.state_of(row) == 'replaced' or others:
                process.rotation.retire(row.id)
        process.destroyer.run()
        self.clock.now += rotation_world.WAIT
        process.destroyer.run()

    def goes_on(self, script: crashing.Script, strategy: str) -> None:
        """Another process finds all, works, and does it again."""
        self.assert_all_open()
        process = self.process()
        process.keys.start()
        self.store(process, 'new', *rotation_world.PROJECTS)
        self.assert_all_open()
        script(process)
        self.assert_all_open()
        self.process().keys.start()
        states = [state for _, state in self.masters()]
        self.assertEqual(1, states.count('in_use'))
        self.assertEqual(len(states) - 1, states.count('destroyed'))
        self.assertEqual({strategy: 4}, self.under())
        self.assertEqual(0, process.rotation.progress().misplaced)
        # One may have been made of which nobody could learn.
        files = self.files('one') + (
            self.files('two') if (self.folder / 'two').exists() else 0
        )
        self.assertIn(files, (1, 2))

    def test_rotate(self) -> None:
        def script(process: rotation_world.Conductor) -> None:
            process.rotation.rotate()
            self.finish(process)

        kinds = self.crash_everywhere(script, 'one')
        self.assertEqual(
            {
                *(
                    f'{when} {what}'
                    for when in ('before', 'after')
                    for what in ('create', 'wrap', 'unwrap', 'destroy')
                ),
                'before begin',
                'before commit',
                'after commit',
            },
            kinds,
        )

    def test_migrate(self) -> None:
        def script(process: rotation_world.Conductor) -> None:
            process.rotation.migrate('two')
            self.finish(process)

        self.crash_everywhere(script, 'two')

    def test_migrate_there_and_back(self) -> None:
        def script(process: rotation_world.Conductor) -> None:
            process.rotation.migrate('two')
            process.rewrapper.run()
            process.rotation.migrate('one')
            self.finish(process)

        self.crash_everywhere(script, 'one')
