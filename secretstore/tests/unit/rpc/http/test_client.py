# SPDX-License-Identifier: Apache-2.0
"""Deadlines and kept connections."""

import os
import time

from secretstore import errors
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.connection import Limits
from secretstore.rpc.http.server import HttpServer
from secretstore.tests.unit.rpc.http.base import (
    LOCAL,
    HttpTestCase,
    Named,
    ask,
    deaf,
    in_thread,
    nowhere,
)


class DeadlineTest(HttpTestCase):
    def setUp(self) -> None:
        super().setUp()
        sock, self.deaf = deaf()
        self.addCleanup(sock.close)

    def test_nobody_answers(self) -> None:
        client = self.client(self.deaf, timeout=0.2)
        began = time.monotonic()
        with self.assertRaisesRegex(
            errors.ConductorUnavailable, 'no answer within 0.2 s'
        ):
            ask(client, repeatable=True)
        self.assertLess(time.monotonic() - began, 5)

    def test_repeatable_goes_elsewhere(self) -> None:
        good = Named(b'b')
        client = self.client(self.deaf, self.serve(good), timeout=1)
        for _ in range(10):
            self.assertEqual(b'b', ask(client, repeatable=True))
            client.close()

    def test_other_requests_do_not(self) -> None:
        good = Named(b'b')
        client = self.client(self.deaf, self.serve(good), timeout=0.1)
        failed = 0
        for _ in range(20):
            try:
                self.assertEqual(b'b', ask(client, repeatable=False))
            except errors.ConductorUnavailable as error:
                self.assertIn('may have been executed', error.message)
                failed += 1
            client.close()
        self.assertEqual(20 - failed, good.count)
        # It is known by then.
        self.assertLess(failed, 3)

    def test_a_trickle_does_not_help(self) -> None:
        sock, address = deaf()
        self.addCleanup(sock.close)

        def trickle() -> None:
            client, _ = sock.accept()
            with client:
                client.sendall(b'HTTP/1.1 200 OK\r\n')
                while True:
                    client.sendall(b'X: 1\r\n')
                    time.sleep(0.02)

        in_thread(trickle)
        client = self.client(address, timeout=0.2)
        with self.assertRaisesRegex(errors.ConductorUnavailable, 'no answer'):
            ask(client)

    def test_back_to_sick_ones_when_there_are_no_others(self) -> None:
        address = nowhere()
        client = self.client(address)
        for _ in range(3):
            with self.assertRaises(errors.ConductorUnavailable):
                ask(client)
        server = HttpServer([f'{address.host}:{address.port}'], Named(b'a'))
        server.start()
        self.addCleanup(server.stop, 0)
        self.assertEqual(b'a', ask(client))


class ConnectionTest(HttpTestCase):
    """What happens to connections that are kept."""

    def test_closed_by_the_server_while_idle(self) -> None:
        server = self.serve(Named(b'a'), limits=Limits(idle=0.05))
        client = self.client(server)
        for _ in range(3):
            self.assertEqual(b'a', ask(client, repeatable=False))
            time.sleep(0.1)

    def test_restart(self) -> None:
        path = str(self.directory / 'socket')
        for listen in (LOCAL, path):
            with self.subTest(listen):
                server = self.serve(Named(b'a'), listen=[listen])
                address = server.addresses[0]
                client = self.client(server)
                self.assertEqual(b'a', ask(client))
                server.stop(5)
                again = HttpServer(
                    [address.path or f'{address.host}:{address.port}'],
                    Named(b'b'),
                )
                again.start()
                self.addCleanup(again.stop, 0)
                self.assertEqual(b'b', ask(client, repeatable=False))

    def test_fork(self) -> None:
        named = Named(b'a')
        client = self.client(self.serve(named))
        ask(client)
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                for _ in range(50):
                    os.write(writable, ask(client))
            finally:
                os._exit(0)
        os.close(writable)
        for _ in range(50):
            self.assertEqual(b'a', ask(client))
        os.waitpid(pid, 0)
        with os.fdopen(readable, 'rb') as answers:
            self.assertEqual(b'a' * 50, answers.read())
        self.assertEqual(b'a', ask(client))

    def test_fork_while_locked(self) -> None:
        client = self.client(self.serve(Named(b'a')))
        with client._endpoints._lock:
            pid = os.fork()
            if pid == 0:
                os._exit(0 if ask(client) == b'a' else 1)
        self.assertEqual(0, os.waitpid(pid, 0)[1])

    def test_https_needs_a_context(self) -> None:
        with self.assertRaises(ValueError):
            HttpClient([Address('a', tls=True)])

    def test_threads_that_end_leave_nothing(self) -> None:
        server = self.serve()
        client = self.client(server)
        for _ in range(20):
            in_thread(lambda: ask(client))[0].join()
        before = time.monotonic()
        while server._connections and time.monotonic() < before + 5:
            time.sleep(0.01)
        self.assertEqual({}, server._connections)
        self.assertEqual(0, len(client._endpoints._seats))
