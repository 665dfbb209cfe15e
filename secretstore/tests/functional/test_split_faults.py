# SPDX-License-Identifier: Apache-2.0
"""Conductors are killed, stopped and frozen while eight clients store.

Nothing acknowledged is lost, nothing is stored twice, nothing has to be
started again by hand, and the log says what it was.
"""

from secretstore.tests.functional import changers
from secretstore.tests.functional import split_faults as faults
from secretstore.tests.functional.services import mariadbd, split, web


class TestHttp(faults.CommonFaults):
    rounds = 2

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
