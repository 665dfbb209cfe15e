# SPDX-License-Identifier: Apache-2.0
"""Which conductor gets a request, and what becomes of it."""

import collections
import os
import socket
import threading
import time

from secretstore import errors
from secretstore.rpc.http import endpoints
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.connection import Limits
from secretstore.rpc.http.server import HttpServer
from secretstore.tests.unit.rpc.http.base import (
    LOCAL,
    Held,
    HttpTestCase,
    ask,
    in_thread,
)

REFUSED = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"seal"}}'


class Named:
    """Answers with a name; counts."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.count = 0

    def __call__(self, body: bytes) -> bytes:
        self.count += 1
        return self.name


def nowhere() -> Address:
    """Where nobody listens."""
    with socket.create_server(('127.0.0.1', 0)) as sock:
        return Address(*sock.getsockname())


def deaf() -> tuple[socket.socket, Address]:
    """Where connections are taken and nothing is ever answered."""
    sock = socket.create_server(('127.0.0.1', 0))
    return sock, Address(*sock.getsockname())


class ShareTest(HttpTestCase):
    """All endpoints get their share."""

    def spread(self, client: HttpClient, threads: int) -> list[int]:
        found: collections.Counter[bytes] = collections.Counter()
        asked, done = threading.Barrier(threads), threading.Barrier(threads)

        def work() -> None:
            asked.wait()
            found[ask(client)] += 1
            # Threads that have ended do not count.
            done.wait()

        started = [in_thread(work) for _ in range(threads)]
        for thread, results in started:
            thread.join()
            self.assertEqual([None], results)
        return sorted(found.values())

    def test_threads(self) -> None:
        servers = [self.serve(Named(name)) for name in (b'a', b'b', b'c')]
        client = self.client(*servers)
        self.assertEqual([4, 4, 4], self.spread(client, 12))
        # Their threads have ended, so others start from nothing.
        self.assertEqual([2, 2, 2], self.spread(client, 6))

    def test_processes(self) -> None:
        servers = [self.serve(Named(name)) for name in (b'a', b'b')]
        found = collections.Counter(
            ask(self.client(*servers)) for _ in range(100)
        )
        self.assertGreater(min(found.values()), 20)

    def test_a_thread_keeps_its_connection(self) -> None:
        servers = [self.serve(Named(name)) for name in (b'a', b'b')]
        client = self.client(*servers)
        self.assertEqual(1, len({ask(client) for _ in range(20)}))

    def test_connections_are_renewed(self) -> None:
        servers = [self.serve(Named(name)) for name in (b'a', b'b')]
        client = self.client(*servers, max_age=0.01)
        found = set()
        for _ in range(100):
            found.add(ask(client))
            time.sleep(0.01)
        self.assertEqual({b'a', b'b'}, found)

    def test_one_that_comes_back_gets_its_share(self) -> None:
        first, second = Named(b'a'), Named(b'b')
        servers = [self.serve(first), self.serve(second)]
        client = self.client(*servers, max_age=0.05)
        address = servers[0].addresses[0]
        servers[0].stop(5)
        self.assertEqual(b'b', ask(client))
        servers[0] = HttpServer([f'{address.host}:{address.port}'], first)
        servers[0].start()
        self.addCleanup(servers[0].stop, 0)
        for _ in range(500):
            if ask(client) == b'a':
                break
            time.sleep(0.02)
        else:
            self.fail('it never was asked again')


class FailOverTest(HttpTestCase):
    def test_nobody_there(self) -> None:
        client = self.client(nowhere(), self.serve(Named(b'b')))
        for _ in range(20):
            self.assertEqual(b'b', ask(client, repeatable=False))
            client.close()

    def test_no_such_host_and_no_such_socket(self) -> None:
        client = self.client(
            Address('no-such-host.invalid'),
            Address(port=0, path='/nonexistent/socket'),
            self.serve(Named(b'b')),
        )
        self.assertEqual(b'b', ask(client))

    def test_all_down(self) -> None:
        first, second = nowhere(), Address(port=0, path='/nonexistent/s')
        client = self.client(first, second)
        with self.assertRaises(errors.ConductorUnavailable) as caught:
            ask(client)
        message = caught.exception.message
        self.assertIn(f'{first}: Connection refused', message)
        self.assertIn(f'{second}: No such file or directory', message)
        self.assertNotIn('\n', message)

    def test_one_that_failed_is_avoided(self) -> None:
        down = nowhere()
        client = self.client(down, self.serve(Named(b'b')), max_age=0)
        with self.assertLogs('secretstore.rpc.http', 'WARNING') as logs:
            for _ in range(50):
                ask(client)
        self.assertEqual(1, len(logs.output))
        self.assertIn(f'{down} fails: Connection refused', logs.output[0])

    def test_one_that_refuses_this(self) -> None:
        good = Named(b'b')
        client = self.client(
            self.serve(lambda _: REFUSED), self.serve(good), max_age=0
        )
        with self.assertLogs('secretstore.rpc.http', 'WARNING') as logs:
            for _ in range(20):
                self.assertEqual(b'b', ask(client, repeatable=False))
        self.assertIn('seal', logs.output[0])

    def test_all_refuse(self) -> None:
        client = self.client(*[self.serve(lambda _: REFUSED)] * 2)
        with self.assertRaisesRegex(errors.ConductorUnavailable, 'seal'):
            ask(client)

    def test_overloaded(self) -> None:
        held = Held()
        full = self.serve(held, running=1, waiting=0)
        thread, _ = in_thread(lambda: ask(self.client(full)))
        held.wait_for()
        client = self.client(full, self.serve(Named(b'b')), max_age=0)
        for _ in range(20):
            self.assertEqual(b'b', ask(client, repeatable=False))
        with self.assertRaisesRegex(errors.ConductorUnavailable, 'overloaded'):
            ask(self.client(full))
        held.let_go()
        thread.join()
        self.assertEqual(1, len(held.bodies))

    def test_too_large(self) -> None:
        server = self.serve(limits=Limits(body=100))
        client = self.client(server)
        with self.assertRaises(errors.PayloadTooLarge):
            ask(client, b'x' * 101)
        self.assertEqual(b'x' * 100, ask(client, b'x' * 100))

    def test_something_else_listens_there(self) -> None:
        for answer in (
            b'220 smtp.example.org ESMTP\r\n',
            b'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n',
            b'HTTP/1.1 503 Unavailable\r\nContent-Length: 2\r\n\r\n{}',
            b'',
        ):
            with self.subTest(answer):
                other = self.other(answer)
                client = self.client(other)
                with self.assertRaisesRegex(
                    errors.ConductorUnavailable, 'may have been executed'
                ):
                    ask(client, repeatable=False)
                client = self.client(other, self.serve(Named(b'b')))
                self.assertEqual(b'b', ask(client, repeatable=True))

    def other(self, answer: bytes) -> Address:
        sock, address = deaf()
        self.addCleanup(sock.close)

        def serve() -> None:
            while True:
                try:
                    client, _ = sock.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        in_thread(serve)
        self.addCleanup(sock.shutdown, socket.SHUT_RDWR)
        return address

    def test_answer_to_nothing_is_not_taken_for_one(self) -> None:
        two = b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1'
        self.assertEqual(b'1', ask(self.client(self.other(two + two))))


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


class PauseTest(HttpTestCase):
    """How long one that failed is avoided."""

    def setUp(self) -> None:
        super().setUp()
        self.endpoints = endpoints.Endpoints([Address('a'), Address('b')])
        self.seat = self.endpoints.seat()

    def order(self, now: float) -> list[str]:
        found = self.endpoints.order(self.seat, now)
        return [endpoint.address.host for endpoint in found]

    def test_grows_and_ends(self) -> None:
        first = self.endpoints.order(self.seat, 0)[0]
        pauses = []
        for _ in range(12):
            before = time.monotonic()
            self.endpoints.failed(first, 'test')
            pauses.append(first.avoided_until - before)
        self.assertLess(pauses[0], 1)
        self.assertLess(pauses[2], pauses[4])
        self.assertLess(pauses[-1], 40)
        self.endpoints.worked(first)
        self.assertEqual((0, 0.0), (first.failures, first.avoided_until))

    def test_one_thread_tries_it_again(self) -> None:
        for endpoint in self.endpoints.order(self.seat, 0):
            if endpoint.address.host == 'a':
                self.endpoints.failed(endpoint, 'test')
                again = endpoint.avoided_until
            else:
                other = endpoint
        self.assertEqual(['b', 'a'], self.order(again - 0.01))
        self.seat.endpoint = other
        user = endpoints.Seat()
        user.endpoint = other
        self.endpoints._seats.add(user)
        self.assertEqual(['a', 'b'], self.order(again + 0.01))
        self.assertEqual(['b', 'a'], self.order(again + 0.02))


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
        self.assertEqual(set(), server._connections)
        self.assertEqual(0, len(client._endpoints._seats))
