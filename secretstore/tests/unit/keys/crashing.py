# SPDX-License-Identifier: Apache-2.0
"""Crashes at every step of anything that lasts."""

from collections.abc import Callable
import pathlib
import shutil

from secretstore.db import engine
from secretstore.tests.unit.keys import rotation_world
from secretstore.tests.unit.security import keydir

Script = Callable[[rotation_world.Conductor], None]


class CrashingTest(rotation_world.RotationTest):
    """A script is begun as often as it has steps, and crashes at each."""

    def setUp(self) -> None:
        super().setUp()
        self.prepare()
        self.database.dispose()
        self.prepared = self.folder
        self.stored = list(self.records)

    def prepare(self) -> None:
        """What there is before each script."""

    def goes_on(self, script: Script, expected: str) -> None:
        """Called after each crash: see that nothing is lost."""

    def anew(self) -> None:
        """Everything is as it was before the first step."""
        self.database.dispose()
        self.folder = keydir.temporary_directory(self) / 'copy'
        shutil.copytree(self.prepared, self.folder)
        self.database = engine.Database(self.url_of(self.folder))
        self.addCleanup(self.database.dispose)
        self.records = list(self.stored)

    @staticmethod
    def url_of(folder: pathlib.Path) -> str:
        return f'sqlite:///{folder}/secretstore.db'

    def breaking(self, at: int) -> tuple[rotation_world.Conductor, list[str]]:
        failpoint = rotation_world.Failpoint(at)
        database = rotation_world.BreakingDatabase(self.url_of(self.folder))
        database.failpoint = failpoint
        self.addCleanup(database.dispose)
        process = self.process(
            database=database, strategies=self.strategies(failpoint)
        )
        return process, failpoint.steps

    def crash_everywhere(self, script: Script, expected: str) -> set[str]:
        """The kinds of steps that there were."""
        at = 0
        while True:
            at += 1
            self.anew()
            process, steps = self.breaking(at)
            try:
                script(process)
            except rotation_world.Crash as crash:
                with self.subTest(f'{at}: {crash}'):
                    self.goes_on(script, expected)
                continue
            self.assertEqual(at, len(steps) + 1)
            return set(steps)
