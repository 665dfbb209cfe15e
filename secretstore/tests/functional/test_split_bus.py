# SPDX-License-Identifier: Apache-2.0
"""The same through RabbitMQ, which is restarted as well."""

import pathlib
import time
from typing import ClassVar
import uuid

from secretstore.tests.functional import changers, slow
from secretstore.tests.functional import split_faults as faults
from secretstore.tests.functional.services import (
    mariadbd,
    process,
    rabbitmq,
    split,
    uwsgi,
    web,
)

# As the documentation has it, for a cluster.
RABBIT = {
    'rabbit_quorum_queue': True,
    'rabbit_transient_quorum_queue': True,
    'use_queue_manager': True,
}
SECONDS = 0.4
READS = 10
PROGRAMS = {'secretstore-api', 'secretstore-conductor'}
# Where oslo.messaging counts queues of one host name and program.
COUNTERS = pathlib.Path('/dev/shm')


def _forget(host: str) -> None:
    for path in COUNTERS.glob(f'{host}*'):
        path.unlink()


class TestRabbitMQ(faults.CommonFaults):
    bus: ClassVar[rabbitmq.RabbitMQ]
    host: ClassVar[str]
    slowness: ClassVar[slow.Slowness]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bus = cls.enterClassContext(rabbitmq.RabbitMQ())
        cls.host = f'test-{uuid.uuid4().hex}'
        cls.addClassCleanup(_forget, cls.host)
        cls.slowness = slow.Slowness(process.new_folder('slow'))
        cls.addClassCleanup(cls.slowness.forget)
        cls.database = cls.enterClassContext(mariadbd.MariaDB())
        cls.database.create_database('split')
        cls.service = cls.enterClassContext(
            split.Split(
                cls.database.url('split'),
                bus=cls.bus,
                options={
                    'DEFAULT': {'security_strategy': slow.STRATEGY},
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
        uncertain = changers.GOOD | changers.BUSY
        with self.changing(uncertain), self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
            first.kill()
            at_work.wait_for_more(faults.SECRETS)
        self.reckon(at_work, faults.GOOD | faults.BUSY)

    def only_one(self, seconds: float, **rpc: int) -> None:
        """Leave one conductor, which asks its custodian in each request."""
        first, other = self.service.conductors
        other.stop()
        before = first.options
        first.options = uwsgi.merge(
            before, {'conductor': {'key_cache_ttl': 0}, 'rpc': rpc}
        )

        def as_before() -> None:
            first.stop()
            first.options = before

        self.addCleanup(as_before)
        self.addCleanup(self.slowness.set, 0)
        first.restart()
        self.slowness.set(seconds)

    def test_a_slow_strategy(self) -> None:
        """Requests wait for it; what does not need it does not."""
        self.only_one(SECONDS)
        with self.at_work() as at_work:
            at_work.wait_for_more(8)
            ref = next(iter(at_work.stored))
            began = time.monotonic()
            for _ in range(READS):
                answer = web.call('GET', ref, headers=self.headers)
                self.assertEqual(200, answer.status)
            each = (time.monotonic() - began) / READS
            self.assertLess(each, SECONDS / 4)
            at_work.wait_for_more(8)
        self.slowness.set(0)
        self.reckon(at_work, faults.GOOD)

    def test_a_full_queue(self) -> None:
        """What cannot wait is told to come again, and the log says why."""
        self.only_one(SECONDS, threads=2, max_queue=2)
        with self.at_work() as at_work:
            at_work.wait_for_more(8)
        self.slowness.set(0)
        self.reckon(at_work, faults.GOOD | faults.BUSY)
        self.assertLess(0, at_work.answers['POST 503'])
        self.assert_said('answered 503', 'busy')

    def test_a_conductor_with_another_key(self) -> None:
        """It executes nothing; others are asked a few times."""
        odd, _ = self.service.conductors
        before = odd.options
        key = {'rpc': {'seal_key_file': odd.folder / 'other.key'}}
        odd.options = uwsgi.merge(before, key)
        odd.manage('rpc', 'create-seal-key')

        def as_before() -> None:
            odd.stop()
            odd.options = before

        self.addCleanup(as_before)
        odd.restart()
        with self.at_work() as at_work:
            at_work.wait_for_more(faults.SECRETS)
        self.assertIn('WRONG_KEY', odd.log_text())
        # Whoever counts asks once, and may have met nobody but the odd one.
        odd.options = before
        odd.restart()
        self.reckon(at_work, faults.GOOD | faults.BUSY)
