# SPDX-License-Identifier: Apache-2.0
"""A conductor without its database, or the custodian of its key."""

import threading
from typing import Any

from secretstore import errors
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor.base import context
from secretstore.tests.unit.rpc.base import KEY
from secretstore.tests.unit.rpc.http.base import HttpTestCase, in_thread
from secretstore.tests.unit.rpc.test_codec import Failing, Whatever

AWAY = errors.MasterKeyUnavailable('The HSM is away')


class LackingTest(HttpTestCase):
    def remote(self, *conductors: Any, **options: Any) -> Conductor:
        servers = [
            self.serve(Dispatcher(one, Sealing([KEY])).handle)
            for one in conductors
        ]
        transport = self.client(*servers, **options)
        return Client(transport, Sealing([KEY])).conductor()

    def test_what_reads_is_asked_of_another(self) -> None:
        remote = self.remote(Failing(AWAY), Whatever('a'))
        start, good = threading.Barrier(8), []

        def work() -> None:
            start.wait()
            for _ in range(20):
                good.append(remote.secret_metadata.get(context(), 's', 'k'))

        with self.assertLogs('secretstore.rpc.http', 'WARNING') as logs:
            for thread, results in [in_thread(work) for _ in range(8)]:
                thread.join()
                self.assertEqual([None], results)
        self.assertEqual(['a'] * 160, good)
        self.assertIn('fails: The HSM is away', logs.output[0])

    def test_one_is_enough_for_health(self) -> None:
        remote = self.remote(Failing(AWAY), Whatever(), max_age=0)
        for _ in range(10):
            remote.health.check()

    def test_all_lack_it(self) -> None:
        for conductors in ([Failing(AWAY)], [Failing(AWAY)] * 2):
            remote = self.remote(*conductors)
            with self.assertNoLogs('secretstore.rpc.http', 'WARNING'):
                for _ in range(3):
                    with self.assertRaisesRegex(
                        errors.MasterKeyUnavailable, 'The HSM is away'
                    ):
                        remote.secret_metadata.get(context(), 's', 'k')

    def test_what_must_not_be_repeated_is_not(self) -> None:
        asked: list[int] = []
        conductors = [Whatever(), Whatever()]
        for conductor in conductors:
            conductor.secret_metadata.add = lambda *_: fail(asked)
        remote = self.remote(*conductors)
        with self.assertRaises(errors.MasterKeyUnavailable):
            remote.secret_metadata.add(context(), 's', 'k', 'v')
        self.assertEqual(1, len(asked))

    def test_a_payload_that_was_stored_before_it_failed(self) -> None:
        conductors: list[Any] = [Whatever(), Whatever()]
        stored: list[tuple[str, bytes]] = []

        def put(_: object, secret_id: str, kind: str, data: bytes) -> None:
            if stored:
                raise errors.Conflict('It has one')
            stored.append((kind, data))
            raise errors.DatabaseUnavailable('It went away')

        for conductor in conductors:
            conductor.secrets.put_payload = lambda *args: put(*args[:4])
            conductor.secrets.payload = lambda *_: stored[0]
        remote = self.remote(*conductors)
        remote.secrets.put_payload(context(), 's', 'text/plain', b'x')
        self.assertEqual([('text/plain', b'x')], stored)


def fail(asked: list[int]) -> None:
    asked.append(1)
    raise AWAY
