# SPDX-License-Identifier: Apache-2.0
"""Requests through a real RabbitMQ, to conductors in this process."""

from collections.abc import Callable
import contextlib
import importlib
import os
import pathlib
import runpy
import shutil
import tempfile
import threading
import time
from typing import Any, ClassVar
import uuid

from secretstore import errors
from secretstore.conductor import service
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.rpc import connect, messaging, sealfile
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.rpc.refusals import Cause
from secretstore.rpc.sealing import Sealing
from secretstore.tests.functional import base
from secretstore.tests.functional.services import rabbitmq
from secretstore.tests.unit.conductor.base import (
    context,
    make_conf,
    query,
    text_secret,
)
from secretstore.tests.unit.rpc.test_codec import Whatever

EXAMPLE = (
    pathlib.Path(__file__).parents[3] / 'doc/source/user/call_conductor.py'
)
QUORUM = """
[oslo_messaging_rabbit]
rabbit_quorum_queue = true
rabbit_transient_quorum_queue = true
use_queue_manager = true
kombu_reconnect_delay = 0.1
rabbit_retry_interval = 1
rabbit_retry_backoff = 0
"""


class BusTest(base.FunctionalTest):
    """One broker for all; a topic, and a conductor, for each."""

    broker: ClassVar[rabbitmq.RabbitMQ]
    folder: ClassVar[pathlib.Path]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        sealfile.create(str(cls.folder / 'seal.keys'))
        cls.broker = rabbitmq.RabbitMQ()
        cls.addClassCleanup(cls.broker.stop)
        cls.broker.start()

    def setUp(self) -> None:
        super().setUp()
        self.topic = uuid.uuid4().hex
        self.conf = self.configured()
        self.context = context(project_id=uuid.uuid4().hex)

    def configured(self, url: str = '', **settings: Any) -> Any:
        url = url or self.broker.transport_url
        conf = make_conf(
            self.folder,
            f'[DEFAULT]\ntransport_url = {url}\n{QUORUM}',
            **{
                'rpc__seal_key_file': str(self.folder / 'seal.keys'),
                'rpc__topic': self.topic,
                'rpc__response_timeout': 20.0,
                'rpc__threads': 4,
            }
            | settings,
        )
        # oslo.messaging looks for some of its options in cfg.CONF only.
        messaging.library()
        fixture = importlib.import_module('oslo_messaging.conffixture')
        fixture.ConfFixture(conf)
        # Its queue manager counts in a file, under a lock.
        locks = importlib.import_module('oslo_concurrency.lockutils')
        locks.set_defaults(str(self.folder))
        return conf

    def serve(
        self, handle: Callable[[bytes], bytes], **settings: Any
    ) -> connect.Server:
        conf = self.configured(**settings) if settings else self.conf
        server = connect.server(conf, handle)
        server.start()
        self.addCleanup(server.stop, 5)
        return server

    def client(self, **settings: Any) -> Conductor:
        conf = self.configured(**settings) if settings else self.conf
        return Client.from_conf(conf).conductor()

    def embedded(self) -> Conductor:
        """A real conductor with a database of its own."""
        database = Database.from_conf(self.conf)
        self.addCleanup(database.dispose)
        migration.upgrade(database)
        return service.build(self.conf).conductor

    def dispatcher(self, conductor: Any) -> Dispatcher:
        return Dispatcher(conductor, Sealing.from_conf(self.conf))

    def many(self, number: int, call: Callable[[int], None]) -> list[str]:
        """The names of what calls at a time raised."""
        raised: list[str] = []

        def work(one: int) -> None:
            try:
                call(one)
            except errors.SecretStoreError as error:
                raised.append(f'{type(error).__name__}: {error}')

        threads = [
            threading.Thread(target=work, args=(one,)) for one in range(number)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return raised


class CallsTest(BusTest):
    def test_there_and_back(self) -> None:
        self.serve(self.dispatcher(self.embedded()).handle)
        remote = self.client()
        payload = os.urandom(20000)
        made = remote.secrets.create(self.context, text_secret(payload))
        found = remote.secrets.payload(self.context, made)
        self.assertEqual(('text/plain', payload), found)
        with self.assertRaisesRegex(errors.NotFound, 'Secret not found'):
            remote.secrets.get(self.context, str(uuid.uuid4()))
        with self.assertRaises(errors.Forbidden):
            remote.secrets.create(context('audit'), text_secret())
        remote.health.check()

    def test_the_example_of_the_documentation(self) -> None:
        self.serve(self.dispatcher(self.embedded()).handle)
        example = runpy.run_path(str(EXAMPLE))
        found = example['stored_and_read'](
            self.conf, self.broker.transport_url
        )
        self.assertEqual(
            ('text/plain', b'correct horse battery staple'), found
        )

    def test_nobody_has_ever_been_there(self) -> None:
        start = time.monotonic()
        with self.assertRaisesRegex(
            errors.ConductorUnavailable, 'there is no conductor'
        ):
            self.client().health.check()
        self.assertLess(time.monotonic() - start, 15)

    def test_too_much_at_a_time_is_refused(self) -> None:
        conductor: Any = Whatever()
        executed: list[int] = []
        refused, done = threading.Semaphore(0), threading.Event()

        def slow(*_: object) -> None:
            executed.append(1)
            done.wait(30)

        def call(one: int) -> None:
            try:
                remote.secret_metadata.add(self.context, 's', 'k', 'v')
            except errors.ConductorUnavailable:
                refused.release()
                raise

        def let_go() -> None:
            for _ in range(7):
                refused.acquire(timeout=30)
            done.set()

        conductor.secret_metadata.add = slow
        handle = self.dispatcher(conductor).handle
        self.serve(handle, rpc__threads=2, rpc__max_queue=3)
        remote = self.client()
        letting = threading.Thread(target=let_go)
        letting.start()
        raised = self.many(12, call)
        letting.join()
        self.assertEqual(7, len(raised), raised)
        for text in raised:
            self.assertIn('ConductorUnavailable: RabbitMQ: ', text)
            self.assertIn('busy', text)
        self.assertEqual(5, len(executed))

    def test_one_with_a_wrong_key_among_good_ones(self) -> None:
        strange = Dispatcher(Whatever('x'), Sealing([bytes(32)]))  # type: ignore[arg-type]
        good = self.dispatcher(Whatever('good'))
        self.serve(strange.handle)
        self.serve(good.handle)
        remote = self.client()
        for _ in range(8):
            self.assertEqual(
                'good', remote.secret_metadata.get(self.context, 's', 'k')
            )
        self.assertGreater(strange.refusals.counts()[Cause.WRONG_KEY], 0)

    def test_a_conductor_that_ends_fails_nothing(self) -> None:
        embedded = self.embedded()
        servers = [
            self.serve(self.dispatcher(embedded).handle) for _ in range(2)
        ]
        remote = self.client()
        stopping = threading.Event()

        def call(one: int) -> None:
            for turn in range(25):
                remote.secrets.create(
                    self.context, text_secret(f'{one} {turn}'.encode())
                )
                if turn == 5:
                    stopping.set()

        def stop() -> None:
            stopping.wait(30)
            servers[0].stop(10)

        ending = threading.Thread(target=stop)
        ending.start()
        raised = self.many(8, call)
        ending.join()
        self.assertEqual([], raised)
        page = remote.secrets.page(self.context, query(limit=1))
        self.assertEqual(200, page.total)


class RestartTest(BusTest):
    def test_the_broker_is_restarted_under_load(self) -> None:
        self.serve(self.dispatcher(self.embedded()).handle)
        remote = self.client(rpc__response_timeout=10.0)
        acknowledged: dict[str, bytes] = {}
        failed: list[str] = []
        over = threading.Event()

        def call(one: int) -> None:
            turn = 0
            while not over.is_set():
                payload = f'{one} {turn}'.encode()
                turn += 1
                try:
                    made = remote.secrets.create(
                        self.context, text_secret(payload)
                    )
                    acknowledged[made] = payload
                except errors.ConductorUnavailable as error:
                    failed.append(error.message)
                    time.sleep(0.2)

        def restart() -> None:
            with contextlib.ExitStack() as stack:
                stack.callback(over.set)
                self.wait_for_more(acknowledged, 20)
                self.broker.stop()
                self.broker.start()
                self.wait_for_more(acknowledged, 40)

        restarting = threading.Thread(target=restart)
        restarting.start()
        self.assertEqual([], self.many(8, call))
        restarting.join()
        for secret_id, payload in acknowledged.items():
            found = remote.secrets.payload(self.context, secret_id)
            self.assertEqual(payload, found.data)
        total = remote.secrets.page(self.context, query(limit=1)).total
        # What failed may have been stored, at most once each.
        self.assertLessEqual(len(acknowledged), total)
        self.assertLessEqual(total, len(acknowledged) + len(failed))

    def wait_for_more(self, seen: dict[str, bytes], more: int) -> None:
        goal, deadline = len(seen) + more, time.monotonic() + 90
        while len(seen) < goal:
            self.assertLess(time.monotonic(), deadline, 'no more calls work')
            time.sleep(0.05)
