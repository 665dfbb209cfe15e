# SPDX-License-Identifier: Apache-2.0
"""The same through RabbitMQ, which is restarted as well."""

from typing import ClassVar

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


class TestRabbitMQ(faults.FaultTest):
    bus: ClassVar[rabbitmq.RabbitMQ]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bus = cls.enterClassContext(rabbitmq.RabbitMQ())
        cls.database = cls.enterClassContext(mariadbd.MariaDB())
        cls.database.create_database('split')
        cls.service = cls.enterClassContext(
            split.Split(
                cls.database.url('split'),
                bus=cls.bus,
                options={
                    'rpc': {'response_timeout': 12},
                    'oslo_messaging_rabbit': RABBIT,
                    'oslo_concurrency': {
                        'lock_path': process.new_folder('locks')
                    },
                },
            )
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
