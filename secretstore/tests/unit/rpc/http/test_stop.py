# SPDX-License-Identifier: Apache-2.0
"""A server that stops loses no request, and executes none twice."""

import collections
import os
import threading
import time

from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.connection import Limits
from secretstore.rpc.http.server import HttpServer
from secretstore.tests.unit.rpc.http.base import (
    LOCAL,
    SECONDS,
    Held,
    HttpTestCase,
    Peer,
    ask,
    in_thread,
    request,
)

CLIENTS = 8
STOPS = 12


class StopTest(HttpTestCase):
    def test_idle_is_told(self) -> None:
        server = self.serve()
        peer = self.peer(server)
        peer.send(request())
        self.assertEqual(200, peer.answer().status)
        thread, results = in_thread(lambda: server.stop(5))
        answer = peer.answer()
        self.assertEqual(503, answer.status)
        self.assertEqual('close', answer.headers['Connection'])
        self.assertTrue(peer.ended())
        peer.sock.close()
        thread.join()
        self.assertEqual([True], results)

    def test_crossing_request_is_not_executed(self) -> None:
        held = Held()
        server = self.serve(held)
        peer = self.peer(server)
        peer.send(request(b'1'))
        held.wait_for()
        held.let_go()
        self.assertEqual(b'1', peer.answer().text)
        thread, _ = in_thread(lambda: server.stop(5))
        # Told, without having read it yet.
        while not self.readable(peer):
            time.sleep(0.001)
        peer.send(request(b'2'))
        self.assertEqual(503, peer.answer().status)
        peer.sock.close()
        thread.join()
        self.assertEqual([b'1'], held.bodies)

    def test_running_is_answered(self) -> None:
        held = Held()
        server = self.serve(held)
        peer = self.peer(server)
        peer.send(request(b'1'))
        held.wait_for()
        thread, results = in_thread(lambda: server.stop(5))
        time.sleep(0.05)
        held.let_go()
        answer = peer.answer()
        self.assertEqual(b'1', answer.text)
        self.assertEqual('close', answer.headers['Connection'])
        self.assertTrue(peer.ended())
        peer.sock.close()
        thread.join()
        self.assertEqual([True], results)

    def test_waiting_is_refused(self) -> None:
        held = Held()
        server = self.serve(held, running=1)
        running, waiting = self.peer(server), self.peer(server)
        running.send(request(b'1'))
        held.wait_for()
        waiting.send(request(b'2'))
        in_thread(lambda: server.stop(5))
        self.assertEqual(503, waiting.answer().status)
        held.let_go()
        self.assertEqual(200, running.answer().status)
        self.assertEqual([b'1'], held.bodies)

    def test_rest_of_those_sent_at_once_is_refused(self) -> None:
        held = Held()
        server = self.serve(held)
        peer = self.peer(server)
        peer.send(request(b'1') + request(b'2'))
        held.wait_for()
        in_thread(lambda: server.stop(5))
        time.sleep(0.05)
        held.let_go()
        answer = peer.answer()
        self.assertEqual(b'1', answer.text)
        self.assertEqual('close', answer.headers['Connection'])
        self.assertTrue(peer.ended())
        self.assertEqual([b'1'], held.bodies)

    def test_newcomers_are_refused_while_others_run(self) -> None:
        for listen in (LOCAL, str(self.directory / 'socket')):
            with self.subTest(listen):
                held = Held()
                server = self.serve(held, listen=[listen])
                peer = self.peer(server)
                peer.send(request())
                held.wait_for()
                thread, _ = in_thread(lambda server=server: server.stop(5))
                time.sleep(0.05)
                newcomer = self.peer(server)
                newcomer.send(request())
                self.assertEqual(503, newcomer.answer().status)
                held.let_go()
                self.assertEqual(200, peer.answer().status)
                peer.sock.close()
                thread.join()
                with self.assertRaises(OSError):
                    self.peer(server)

    def test_grace_is_over(self) -> None:
        held = Held()
        server = self.serve(held)
        peer = self.peer(server)
        peer.send(request())
        held.wait_for()
        with self.assertLogs('secretstore.rpc.http', 'WARNING') as logs:
            self.assertFalse(server.stop(0.05))
        self.assertIn('1 requests were still running', logs.output[0])
        self.assertTrue(peer.ended())
        held.let_go()

    def readable(self, peer: Peer) -> bool:
        peer.sock.setblocking(False)
        try:
            return len(peer.sock.recv(1, 2)) == 1  # MSG_PEEK
        except BlockingIOError:
            return False
        finally:
            peer.sock.settimeout(SECONDS)


class UnderLoadTest(HttpTestCase):
    """Two servers stop in turn, and come back, while clients ask."""

    def setUp(self) -> None:
        super().setUp()
        self.executed: collections.Counter[bytes] = collections.Counter()
        self.lock = threading.Lock()
        self.over = False

    def handle(self, body: bytes) -> bytes:
        with self.lock:
            self.executed[body] += 1
            count = self.executed.total()
        if count % 7 == 0:
            time.sleep(0.002)
        return body

    def one_by_one(self, name: int, addresses: list[Address]) -> int:
        """Ask all the time; every request that is not repeatable."""
        client = self.client(*addresses, max_age=0.2)
        number = 0
        while not self.over:
            body = b'[%d, %d]' % (name, number)
            answer = ask(client, body, repeatable=False)
            if answer != body:
                raise AssertionError(f'{body!r} answered with {answer!r}')
            number += 1
        return number

    def under_load(self, listen: list[str]) -> None:
        servers = [
            self.serve(self.handle, listen=[place], limits=Limits(idle=0.5))
            for place in listen
        ]
        addresses = [server.addresses[0] for server in servers]
        threads = [
            in_thread(
                lambda name=name: self.one_by_one(name, addresses)  # type: ignore[misc]
            )
            for name in range(CLIENTS)
        ]
        for turn in range(STOPS):
            time.sleep(0.1)
            old = turn % 2
            self.assertTrue(servers[old].stop(10))
            address = addresses[old]
            place = address.path or f'{address.host}:{address.port}'
            servers[old] = HttpServer([place], self.handle)
            servers[old].start()
            self.addCleanup(servers[old].stop, 0)
        self.over = True
        asked = 0
        for thread, results in threads:
            thread.join()
            self.assertIsInstance(results[0], int, results)
            asked += results[0]  # type: ignore[operator]
        self.assertEqual(asked, len(self.executed))
        twice = [body for body, n in self.executed.items() if n > 1]
        self.assertEqual([], twice)
        self.assertGreater(asked, 100)

    def test_over_tcp(self) -> None:
        self.under_load([LOCAL, LOCAL])

    def test_over_unix_sockets(self) -> None:
        self.under_load(
            [os.path.join(self.directory, name) for name in ('a', 'b')]
        )
