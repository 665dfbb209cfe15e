# SPDX-License-Identifier: Apache-2.0
"""Conductors are killed, stopped and frozen while eight clients store.

Nothing acknowledged is lost, nothing is stored twice, nothing has to be
started again by hand, and the log says what it was.
"""

import os
import signal
import time

from secretstore.tests.functional import changers, writers
from secretstore.tests.functional import split_faults as faults
from secretstore.tests.functional.services import mariadbd, split, system, web

FROZEN_SECONDS = 10


class TestHttp(faults.FaultTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.database = cls.enterClassContext(mariadbd.MariaDB())
        cls.database.create_database('split')
        cls.service = cls.enterClassContext(
            split.Split(
                cls.database.url('split'),
                options={'rpc': {'response_timeout': 12}},
            )
        )

    def test_sigkill(self) -> None:
        """Another does what was asked of the one that is gone.

        What must not be repeated is not, and may be answered 503.
        """
        uncertain = changers.GOOD | changers.BUSY
        with self.changing(uncertain), self.at_work() as at_work:
            for conductor in self.service.conductors * 2:
                at_work.wait_for_more(faults.SECRETS)
                conductor.kill()
                at_work.wait_for_more(faults.SECRETS)
                conductor.start()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD)

    def test_sigterm(self) -> None:
        """Whoever asks does not notice that a conductor ends."""
        with self.changing(changers.GOOD), self.at_work() as at_work:
            for conductor in self.service.conductors * 2:
                at_work.wait_for_more(faults.SECRETS)
                conductor.stop()
                at_work.wait_for_more(faults.SECRETS)
                conductor.start()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD)

    def test_sighup(self) -> None:
        """Nor that it replaces its workers."""
        with self.changing(changers.GOOD), self.at_work() as at_work:
            for conductor in self.service.conductors * 2:
                at_work.wait_for_more(faults.SECRETS)
                conductor.prepare()
                os.kill(conductor.pid, signal.SIGHUP)
                system.wait_for('new workers', conductor.ready, 20)
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD)

    def test_sigstop(self) -> None:
        """A conductor that hangs holds up what it has, and no more."""
        first, _ = self.service.conductors
        with self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
            first.send(signal.SIGSTOP)
            try:
                began = time.monotonic()
                at_work.wait_for_more(faults.SECRETS)
                time.sleep(max(0, began + FROZEN_SECONDS - time.monotonic()))
            finally:
                first.send(signal.SIGCONT)
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD | faults.BUSY)

    def test_all_conductors_killed(self) -> None:
        with self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
            for conductor in self.service.conductors:
                conductor.kill()
            answer = web.call(
                'GET', f'{self.service.url}/v1/secrets', headers=self.headers
            )
            self.assertEqual(503, answer.status)
            self.assertIn('conductor', answer.json()['description'])
            for conductor in self.service.conductors:
                conductor.start()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD | faults.BUSY)

    def test_mariadb_restarted(self) -> None:
        with self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
            self.database.kill()
            time.sleep(1)
            self.database.start()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD | faults.BUSY)
        self.assertEqual('', self.database.sql(writers.HALVES, 'split'))
