# SPDX-License-Identifier: Apache-2.0
"""Conductors are killed, stopped and frozen while eight clients store.

Nothing acknowledged is lost, nothing is stored twice, nothing has to be
started again by hand, and the log says what it was.
"""

import os
import signal
import time
import typing
import uuid

from secretstore.tests.functional import base, clients, writers
from secretstore.tests.functional.services import mariadbd, split, system, web

# Of one conductor and of both.
SECRETS = 60
FROZEN_SECONDS = 10
GOOD = {'POST 201', 'PUT 204'}
BUSY = {'POST 503', 'PUT 503'}


class ConductorFaults(base.FunctionalTest):
    """The tests, on a service that a class below makes."""

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
        said = [line for line in self.new_lines() if ' WARNING ' in line]
        self.assertLessEqual(
            set(at_work.answers),
            allowed,
            '\n'.join([str(at_work.answers), *said[-20:]]),
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

    def test_sigkill(self) -> None:
        with self.at_work() as at_work:
            for conductor in self.service.conductors * 2:
                at_work.wait_for_more(SECRETS)
                conductor.kill()
                at_work.wait_for_more(SECRETS)
                conductor.start()
            at_work.wait_for_more(SECRETS)
        self.reckon(at_work, GOOD | BUSY)

    def test_sigterm(self) -> None:
        """Whoever asks does not notice that a conductor ends."""
        with self.at_work() as at_work:
            for conductor in self.service.conductors * 2:
                at_work.wait_for_more(SECRETS)
                conductor.stop()
                at_work.wait_for_more(SECRETS)
                conductor.start()
            at_work.wait_for_more(SECRETS)
        self.reckon(at_work, GOOD)

    def test_sighup(self) -> None:
        """Nor that it replaces its workers."""
        with self.at_work() as at_work:
            for conductor in self.service.conductors * 2:
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

    def test_all_conductors_killed(self) -> None:
        with self.at_work() as at_work:
            at_work.wait_for_more(SECRETS)
            for conductor in self.service.conductors:
                conductor.kill()
            answer = web.call(
                'GET', f'{self.service.url}/v1/secrets', headers=self.headers
            )
            self.assertEqual(503, answer.status)
            self.assertIn('conductor', answer.json()['description'])
            for conductor in self.service.conductors:
                conductor.start()
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


class TestHttp(ConductorFaults):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.database = cls.enterClassContext(mariadbd.MariaDB())
        cls.database.create_database('split')
        cls.service = cls.enterClassContext(
            split.Split(
                cls.database.url('split'),
                options={'rpc': {'response_timeout': 5}},
            )
        )


del ConductorFaults
