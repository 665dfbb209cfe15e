# SPDX-License-Identifier: Apache-2.0
import os
from typing import ClassVar

from secretstore import errors
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.metrics.base import MetricsTest
from secretstore.tests.unit.rpc.base import KEY, Memory

NOWHERE = '00000000-0000-4000-8000-000000000000'


class TestMetrics(base.ConductorTest, MetricsTest):
    sides: ClassVar[tuple[str, ...]] = ('rpc_client', 'rpc_server')

    def setUp(self) -> None:
        super().setUp()
        self.start_metrics()
        self.dispatcher = Dispatcher(self.conductor, Sealing([KEY]))
        self.transport = Memory(self.dispatcher.handle)

    def calls(self, side: str, method: str, outcome: str) -> float:
        name = f'{side}_duration_seconds_count'
        return self.value(name, method=method, outcome=outcome)

    def test_calls_of_both_sides(self) -> None:
        remote = Client(self.transport, Sealing([KEY])).conductor()
        context = base.context()
        secret_id = remote.secrets.create(context, base.text_secret())
        for _ in range(2):
            remote.secrets.get(context, secret_id)
        with self.assertRaises(errors.NotFound):
            remote.secrets.get(context, NOWHERE)
        for side in self.sides:
            self.assertEqual(1, self.calls(side, 'secrets.create', 'ok'))
            self.assertEqual(2, self.calls(side, 'secrets.get', 'ok'))
            self.assertEqual(1, self.calls(side, 'secrets.get', 'NotFound'))

    def test_refusals(self) -> None:
        stranger = Client(self.transport, Sealing([os.urandom(32)]))
        with self.assertRaises(errors.ConductorUnavailable):
            stranger.conductor().health.check()
        self.dispatcher.handle(self.transport.sent[0])
        self.assertEqual(2, self.value('rpc_refusals_total'))
        self.assertEqual(
            2, self.value('rpc_refusals_total', cause='wrong_key')
        )
        self.assertEqual(0, self.value('rpc_server_duration_seconds_count'))
        self.assertEqual(
            1, self.calls('rpc_client', 'health.check', 'ConductorUnavailable')
        )

    def test_methods_that_there_are_not(self) -> None:
        unsealed = Dispatcher(self.conductor)
        for number in range(3):
            unsealed.handle(
                b'{"jsonrpc": "2.0", "id": 1, "method": "no.such%d"}' % number
            )
        self.assertEqual(0, self.value('rpc_server_duration_seconds_count'))
