# SPDX-License-Identifier: Apache-2.0
import os
import subprocess

from secretstore.conductor.purge import Purge
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.tests.unit.cmd.base import CommandTest
from secretstore.tests.unit.conductor.stock import Stock

A, B = 'a' * 32, 'b' * 32
FOUND = (
    '3 orders',
    '1 containers',
    '2 secrets',
    '1 secret consumers',
    '1 container consumers',
    '1 quotas',
    '1 preferred secret stores',
    '1 named keys',
    '2 project keys',
)


class PurgeTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        database = Database(f'sqlite:///{self.folder}/secretstore.db')
        self.addCleanup(database.dispose)
        migration.upgrade(database)
        self.counting = Purge(database, 10)
        stock = Stock(database)
        stock.all_of(A)
        stock.all_of(B)

    def purge(
        self, *arguments: str, stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        return self.run_command(
            'manage', 'project', 'purge', A, *arguments, stdin=stdin
        )

    def answered(self, answer: bytes) -> subprocess.CompletedProcess[str]:
        """As if somebody had typed this."""
        terminal, end = os.openpty()
        try:
            os.write(terminal, answer + b'\n')
            return self.purge(stdin=end)
        finally:
            os.close(end)
            os.close(terminal)

    def left(self, project: str = A) -> int:
        return sum(self.counting.count(project).values())

    def test_yes(self) -> None:
        others = self.left(B)
        done = self.purge('--yes')
        self.assert_ends(0, done, *FOUND, 'once more in 300')
        self.assertEqual(0, self.left())
        self.assertEqual(others, self.left(B))
        done = self.purge('--yes')
        self.assert_ends(0, done, 'Removed nothing.')
        self.assertNotIn('once more', done.stdout)

    def test_without_a_terminal(self) -> None:
        before = self.left()
        done = self.purge()
        self.assert_ends(1, done, f'Project {A} has ', *FOUND, '--yes')
        self.assertEqual(before, self.left())

    def test_asked(self) -> None:
        before = self.left()
        done = self.answered(b'y')
        self.assert_ends(1, done, 'for good?', 'Nothing was removed.')
        self.assertEqual(before, self.left())
        self.assert_ends(0, self.answered(b'yes'), 'Removed ', *FOUND)
        self.assertEqual(0, self.left())
        self.assert_ends(0, self.purge(), f'Project {A} has nothing.')

    def test_a_database_without_a_schema(self) -> None:
        self.configure(f'sqlite:///{self.folder}/empty.db')
        done = self.purge('--yes')
        self.assert_ends(1, done, 'secretstore-manage db upgrade')
