# SPDX-License-Identifier: Apache-2.0
"""What becomes of a request when a conductor is in trouble."""

import socket

from secretstore import errors
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.connection import Limits
from secretstore.tests.unit.rpc.http.base import (
    Held,
    HttpTestCase,
    Named,
    ask,
    deaf,
    in_thread,
    nowhere,
)

REFUSED = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"seal"}}'


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
        with self.assertRaisesRegex(errors.ConductorUnavailable, 'Overloaded'):
            ask(self.client(full))
        held.let_go()
        thread.join()
        self.assertEqual(1, len(held.bodies))

    def test_too_large(self) -> None:
        server = self.serve(limits=Limits(body=100))
        client = self.client(server)
        with (
            self.assertLogs('secretstore.rpc.http', 'WARNING') as logs,
            self.assertRaises(errors.PayloadTooLarge),
        ):
            ask(client, b'x' * 101)
        self.assertIn('more than 100 bytes', logs.output[0])
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
