# SPDX-License-Identifier: Apache-2.0
"""A service in the split form that has to bear something."""

from collections.abc import Iterator
import contextlib
import os
import signal
import time
import typing
import uuid

from secretstore.tests.functional import base, changers, clients, writers
from secretstore.tests.functional.services import mariadbd, split, system

# Acknowledged before and after each fault, at least.
SECRETS = 60
CHANGES = 8
FROZEN_SECONDS = 10
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


class CommonFaults(FaultTest):
    """What any transport has to bear."""

    # How often each conductor is stopped, or replaces its workers.
    rounds = 1

    def test_sigterm(self) -> None:
        """Whoever asks does not notice that a conductor ends."""
        with self.changing(changers.GOOD), self.at_work() as at_work:
            for conductor in self.service.conductors * self.rounds:
                at_work.wait_for_more(SECRETS)
                conductor.stop()
                at_work.wait_for_more(SECRETS)
                conductor.start()
            at_work.wait_for_more(SECRETS)
        self.reckon(at_work, GOOD)

    def test_sighup(self) -> None:
        """Nor that it replaces its workers."""
        with self.changing(changers.GOOD), self.at_work() as at_work:
            for conductor in self.service.conductors * self.rounds:
                at_work.wait_for_more(SECRETS)
                conductor.prepare()
                os.kill(conductor.pid, signal.SIGHUP)
                system.wait_for('new workers', conductor.ready, 20)
            at_work.wait_for_more(SECRETS)
        self.reckon(at_work, GOOD)

    def test_sigstop(self) -> None:
        """A conductor that hangs holds up what it has, and no more."""
        first, _ = self.service.conductors
        with self.at_work() as at_work:
            at_work.wait_for_more(SECRETS)
            first.send(signal.SIGSTOP)
            try:
                began = time.monotonic()
                at_work.wait_for_more(SECRETS)
                time.sleep(max(0, began + FROZEN_SECONDS - time.monotonic()))
            finally:
                first.send(signal.SIGCONT)
            at_work.wait_for_more(SECRETS)
        self.reckon(at_work, GOOD | BUSY)

    def test_mariadb_restarted(self) -> None:
        with self.at_work() as at_work:
            at_work.wait_for_more(SECRETS)
            self.database.kill()
            time.sleep(1)
            self.database.start()
            at_work.wait_for_more(SECRETS)
        self.reckon(at_work, GOOD | BUSY)
        self.assertEqual('', self.database.sql(writers.HALVES, 'split'))
