# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import subprocess
import sys

import secretstore
from secretstore.tests.unit.metrics import base

# Counts, says so, and stays until it is told to go.
_PROCESS = """
import sys
from secretstore.metrics import record, start
from secretstore.tests.unit.metrics.base import MetricsTest
test = MetricsTest()
test.listen, test.directory = sys.argv[1:3]
start.start(test.metrics_conf())
for _ in range(int(sys.argv[3])):
    record.database_failure()
print('counted', flush=True)
sys.stdin.read()
"""


class TestProcesses(base.MetricsTest):
    """Real processes; the port is that of whoever is there."""

    def process(self, count: int) -> 'subprocess.Popen[str]':
        process = subprocess.Popen(
            [
                sys.executable,
                '-c',
                _PROCESS,
                self.listen,
                str(self.directory),
                str(count),
            ],
            cwd=Path(secretstore.__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.assertEqual('counted\n', process.stdout.readline())
        return process

    def failures(self) -> float:
        return self.value('database_failures_total')

    def files(self) -> set[str]:
        (folder,) = self.directory.iterdir()
        return {file.name for file in folder.glob('*.db')}

    def test_whoever_answers_knows_what_all_counted(self) -> None:
        first = self.process(1)
        second = self.process(2)
        self.assertEqual([3.0] * 10, [self.failures() for _ in range(10)])
        self.assertIn('counter_1.db', self.files())
        for process in (first, second):
            process.kill()
            process.wait()
            # What a process counted stays, and its place is taken by the
            # next one: files do not pile up.
            replacement = self.process(10)
            self.addCleanup(replacement.kill)
        self.assertEqual([23.0] * 10, [self.failures() for _ in range(10)])
        self.assertEqual(
            {
                f'{kind}_{number}.db'
                for kind in ('counter', 'histogram', 'gauge_mostrecent')
                for number in (0, 1)
            },
            self.files(),
        )

    def test_the_first_one_begins_anew(self) -> None:
        for _ in range(2):
            process = self.process(4)
            self.assertEqual(4, self.failures())
            process.kill()
            process.wait()
            # As after a crash of the machine.
            (folder,) = self.directory.iterdir()
            (folder / 'counter_0.db').write_bytes(b'\xff' * 9000)
