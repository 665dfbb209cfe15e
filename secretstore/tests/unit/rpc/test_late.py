# SPDX-License-Identifier: Apache-2.0
"""A request whose caller has given up is not executed."""

import json
import time
from typing import Any
import unittest

from secretstore import errors
from secretstore.rpc import wire
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.refusals import Cause
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor.base import context
from secretstore.tests.unit.rpc.base import KEY, SECONDS, Memory
from secretstore.tests.unit.rpc.http.base import HttpTestCase, deaf
from secretstore.tests.unit.rpc.test_codec import Whatever


class LateTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.late = 0.0
        self.conductor = Whatever()

    def clock(self) -> float:
        return time.time() + self.late

    def dispatcher(self, seal: Sealing | None = None) -> Dispatcher:
        return Dispatcher(self.conductor, seal, clock=self.clock)  # type: ignore[arg-type]

    def test_sealed_or_not(self) -> None:
        for keys in ([], [KEY]):
            dispatcher = self.dispatcher(Sealing(keys) if keys else None)
            transport = Memory(dispatcher.handle)
            remote = Client(transport, Sealing(keys) if keys else None)
            delete = remote.conductor().secrets.delete
            self.late, self.conductor.called = SECONDS - 5, ()
            delete(context(), 's')
            self.assertEqual(('s', False), self.conductor.called[1:])
            self.late, self.conductor.called = SECONDS + 5, ()
            with (
                self.assertLogs('secretstore.rpc.refusals') as logs,
                self.assertRaises(errors.ConductorUnavailable),
            ):
                delete(context(), 's')
            self.assertEqual((), self.conductor.called)
            self.assertEqual(1, dispatcher.refusals.counts()[Cause.LATE])
            self.assertIn('5.0 s after its caller had given', logs.output[0])
            # Another conductor may take it.
            self.assertTrue(wire.is_refused(transport.answers[-1]))

    def test_a_caller_that_does_not_say(self) -> None:
        """Releases before this one, and programs of others."""
        self.late = 1000
        request = {
            'jsonrpc': '2.0',
            'method': 'secrets.delete',
            'params': {'context': {}, 'secret_id': 's'},
            'id': 'a',
        }
        self.dispatcher().handle(json.dumps(request).encode())
        self.assertEqual(('s', False), self.conductor.called[1:])

    def test_a_call_without_arguments(self) -> None:
        transport = Memory(self.dispatcher().handle)
        for version in ('1.0', '1.1'):
            Client(transport, version=version).conductor().health.check()


class AttemptTest(HttpTestCase):
    def test_each_says_how_long_it_waits(self) -> None:
        places = []
        for _ in range(2):
            sock, place = deaf()
            self.addCleanup(sock.close)
            places.append(place)
        told: list[float] = []

        def request(seconds: float) -> bytes:
            told.append(seconds)
            return b'{}'

        client = self.client(*places, timeout=1)
        with self.assertRaises(errors.ConductorUnavailable):
            client.call(request, repeatable=True, refused=wire.is_refused)
        first, second = told
        self.assertAlmostEqual(0.5, first, delta=0.1)
        self.assertAlmostEqual(0.5, second, delta=0.1)

    def test_each_is_sealed_anew(self) -> None:
        conductor: Any = Whatever('a')
        bad = Dispatcher(conductor, Sealing([bytes(32)]))
        good = Dispatcher(conductor, Sealing([KEY]))
        transport = Memory(bad.handle, good.handle)
        remote = Client(transport, Sealing([KEY])).conductor()
        remote.secret_metadata.get(context(), 's', 'k')
        first, second = (json.loads(sent)['id'] for sent in transport.sent)
        self.assertNotEqual(first, second)
