# SPDX-License-Identifier: Apache-2.0
"""A service in the split form that has to bear something."""

from collections.abc import Iterator
import contextlib
import typing
import uuid

from secretstore.tests.functional import base, changers, clients, writers
from secretstore.tests.functional.services import mariadbd, split, system

# Acknowledged before and after each fault, at least.
SECRETS = 60
CHANGES = 8
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

    @contextlib.contextmanager
    def changing(self, allowed: set[str]) -> Iterator[None]:
        """What cannot be repeated is done meanwhile, with these answers."""
        with changers.Changers(self.service.url) as changed:
            changed.wait_for_more(CHANGES)
            yield
            changed.wait_for_more(CHANGES)
        changers.reckon(self, self.service.url, self.database, changed)
        self.assertLessEqual(
            set(changed.answers), allowed, self._complaints(changed.answers)
        )

    def reckon(self, at_work: writers.Writers, allowed: set[str]) -> None:
        """Nothing lost, nothing twice, and no other answers than these."""
        writers.reckon(self, self.service.url, self.headers, at_work)
        self.assertLessEqual(
            set(at_work.answers), allowed, self._complaints(at_work.answers)
        )

    def _complaints(self, answers: object) -> str:
        said = [
            line
            for line in self.new_lines()
            if ' WARNING ' in line or ' ERROR ' in line
        ]
        return '\n'.join([str(answers), *said[-40:]])

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
