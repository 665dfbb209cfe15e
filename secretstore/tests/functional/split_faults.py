# SPDX-License-Identifier: Apache-2.0
"""A service in the split form that has to bear something."""

import typing
import uuid

from secretstore.tests.functional import base, clients, writers
from secretstore.tests.functional.services import mariadbd, split, system

# Acknowledged before and after each fault, at least.
SECRETS = 60
GOOD = {'POST 201', 'PUT 204'}
BUSY = {'POST 503', 'PUT 503'}


class FaultTest(base.FunctionalTest):
    """Tests on a service that setUpClass() makes."""

    database: typing.ClassVar[mariadbd.MariaDB]
    service: typing.ClassVar[split.Split]

    def setUp(self) -> None:
        super().setUp()
        self.headers = clients.noauth(f'p-{uuid.uuid4().hex}')
        for conductor in self.service.conductors:
            conductor.start()
        system.wait_for('health', self.service.api.ready, 20)
        self.said = len(self.service.api.log_text())

    def at_work(self) -> writers.Writers:
        return writers.Writers(self.service.url, self.headers)

    def reckon(self, at_work: writers.Writers, allowed: set[str]) -> None:
        """Nothing lost, nothing twice, and no other answers than these."""
        writers.reckon(self, self.service.url, self.headers, at_work)
        said = [
            line
            for line in self.new_lines()
            if ' WARNING ' in line or ' ERROR ' in line
        ]
        self.assertLessEqual(
            set(at_work.answers),
            allowed,
            '\n'.join([str(at_work.answers), *said[-40:]]),
        )

    def new_lines(self) -> list[str]:
        """What the API has written to its log in this test."""
        return self.service.api.log_text()[self.said :].splitlines()

    def assert_said(self, *words: str) -> None:
        """One line has all these words."""
        lines = self.new_lines()
        self.assertTrue(
            any(all(word in line for word in words) for line in lines),
            f'{words} not in\n' + '\n'.join(lines[-30:]),
        )
