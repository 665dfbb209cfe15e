# SPDX-License-Identifier: Apache-2.0
"""etc/systemd, as it is handed to operators."""

import pathlib
import re
import shutil

from secretstore.tests.functional import base
from secretstore.tests.functional.services import own, system, uwsgi

UNITS = pathlib.Path(__file__).parents[3] / 'etc/systemd'
PREFIX = '/opt/secretstore/bin/'
# systemd's own measure of what a service could do, from 0 to 100.
MOST_EXPOSED = 20


class TestUnits(base.FunctionalTest):
    def setUp(self) -> None:
        super().setUp()
        self.analyze = system.find('systemd-analyze', 'systemd')
        self.folder = self.new_folder('units')
        for unit in UNITS.glob('*.service'):
            text = unit.read_text()
            self.assertEqual(1, text.count(PREFIX), unit)
            text = text.replace(PREFIX, f'{uwsgi.own_bin()}/')
            (self.folder / unit.name).write_text(text)
            # As an operator who uses certificates has it.
            more = self.folder / f'{unit.name}.d'
            more.mkdir()
            shutil.copy(UNITS / 'tls.conf', more)
        self.units = sorted(map(str, self.folder.glob('*.service')))

    def test_systemd_takes_them(self) -> None:
        self.assertEqual(2, len(self.units))
        # What it does not know it warns of, and goes on.
        said = system.run([self.analyze, 'verify', '--man=no', *self.units])
        self.assertEqual('', said)

    def test_they_can_do_little(self) -> None:
        for unit in self.units:
            system.run(
                [
                    self.analyze,
                    'security',
                    '--offline=true',
                    f'--threshold={MOST_EXPOSED}',
                    unit,
                ]
            )

    def test_they_run_what_there_is(self) -> None:
        for unit in UNITS.glob('*.service'):
            (program,) = re.findall(
                rf'^ExecStart={PREFIX}(\S+)', unit.read_text(), re.M
            )
            self.assertTrue(own.program(program))
