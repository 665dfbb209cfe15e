# SPDX-License-Identifier: Apache-2.0
"""What is known of requests for which a conductor has no room."""

from secretstore.rpc.http.server import HttpServer
from secretstore.rpc.turned_away import TurnedAway, Why
from secretstore.tests.unit.metrics.base import MetricsTest
from secretstore.tests.unit.rpc.http.base import (
    Held,
    HttpTestCase,
    Peer,
    request,
    wait_until,
)

LOGGER = 'secretstore.rpc.turned_away'


class TurnedAwayTest(HttpTestCase, MetricsTest):
    def setUp(self) -> None:
        super().setUp()
        self.start_metrics()
        self.held = Held()

    def busy(self, **options: float) -> tuple[HttpServer, Peer]:
        """Where one request is executed, until it is let go."""
        server = self.serve(self.held, running=1, **options)
        running = self.peer(server)
        running.send(request(b'1'))
        self.held.wait_for()
        return server, running

    def assert_counted(self, cause: str) -> None:
        name = 'rpc_turned_away_total'
        self.assertEqual(1, self.value(name, cause=cause))
        self.assertEqual(1, self.value(name))

    def test_full(self) -> None:
        server, _ = self.busy(waiting=0)
        refused = self.peer(server)
        with self.assertLogs(LOGGER, 'WARNING') as logs:
            refused.send(request(b'2'))
            self.assertEqual(503, refused.answer().status)
        self.assertIn('max_queue allows', logs.output[0])
        self.assert_counted('full')
        self.held.let_go()

    def test_waited_for_too_long(self) -> None:
        server, _ = self.busy(waiting=1, patience=0.05)
        waiting = self.peer(server)
        with self.assertLogs(LOGGER, 'WARNING') as logs:
            waiting.send(request(b'2'))
            self.assertEqual(503, waiting.answer().status)
        self.assertIn('waited for too long', logs.output[0])
        self.assert_counted('waited')
        self.assertEqual(1, self.value('rpc_server_wait_seconds_count'))
        self.assertGreater(self.value('rpc_server_wait_seconds_sum'), 0.04)
        self.held.let_go()

    def test_gone(self) -> None:
        server, running = self.busy(waiting=1)
        gone = self.peer(server)
        gone.send(request(b'2'))
        wait_until(lambda: server._service.gate.waiting == 1)
        gone.sock.close()
        with self.assertNoLogs(LOGGER):
            self.held.let_go()
            running.answer()
            wait_until(lambda: self.value('rpc_turned_away_total') > 0)
        self.assert_counted('gone')

    def test_one_line_for_many(self) -> None:
        turned_away = TurnedAway()
        with self.assertLogs(LOGGER, 'WARNING') as logs:
            for _ in range(100):
                turned_away.note(Why.FULL)
        self.assertEqual(1, len(logs.output))
        self.assertEqual(
            100, self.value('rpc_turned_away_total', cause='full')
        )
