# SPDX-License-Identifier: Apache-2.0
"""The same through RabbitMQ, which is restarted as well."""

import pathlib
from typing import ClassVar
import uuid

from secretstore.tests.functional import split_faults as faults
from secretstore.tests.functional.services import (
    mariadbd,
    process,
    rabbitmq,
    split,
)

# As the documentation has it, for a cluster.
RABBIT = {
    'rabbit_quorum_queue': True,
    'rabbit_transient_quorum_queue': True,
    'use_queue_manager': True,
}
PROGRAMS = {'secretstore-api', 'secretstore-conductor'}
# Where oslo.messaging counts queues of one host name and program.
COUNTERS = pathlib.Path('/dev/shm')


def _forget(host: str) -> None:
    for path in COUNTERS.glob(f'{host}*'):
        path.unlink()


class TestRabbitMQ(faults.FaultTest):
    bus: ClassVar[rabbitmq.RabbitMQ]
    host: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bus = cls.enterClassContext(rabbitmq.RabbitMQ())
        cls.host = f'test-{uuid.uuid4().hex}'
        cls.addClassCleanup(_forget, cls.host)
        cls.database = cls.enterClassContext(mariadbd.MariaDB())
        cls.database.create_database('split')
        cls.service = cls.enterClassContext(
            split.Split(
                cls.database.url('split'),
                bus=cls.bus,
                options={
                    'rpc': {'response_timeout': 12},
                    'oslo_messaging_rabbit': {**RABBIT, 'hostname': cls.host},
                    'oslo_concurrency': {
                        'lock_path': process.new_folder('locks')
                    },
                },
            )
        )

    def test_queues_are_this_services_own(self) -> None:
        """Not those of whoever else runs under uWSGI on this host."""
        with self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
        self.assertEqual(
            {f'{self.host}_{program}_qmanager' for program in PROGRAMS},
            {path.name for path in COUNTERS.glob(f'{self.host}*')},
        )

    def test_rabbitmq_restarted(self) -> None:
        with self.at_work() as at_work:
            for _ in range(2):
                at_work.wait_for_more(faults.SECRETS)
                self.bus.stop()
                self.bus.start()
                at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD | faults.BUSY)

    def test_sigkill(self) -> None:
        first, _ = self.service.conductors
        with self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
            first.kill()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD | faults.BUSY)

    def test_sigterm(self) -> None:
        """Whoever asks does not notice that a conductor ends."""
        with self.at_work() as at_work:
            for conductor in self.service.conductors:
                at_work.wait_for_more(faults.SECRETS)
                conductor.stop()
                at_work.wait_for_more(faults.SECRETS)
                conductor.start()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD)
