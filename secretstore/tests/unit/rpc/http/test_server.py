# SPDX-License-Identifier: Apache-2.0
"""What is a request, and where a server listens."""

import os
import socket
import stat

from secretstore.tests.unit.rpc.http.base import (
    LOCAL,
    Held,
    HttpTestCase,
    Peer,
    ask,
    in_thread,
    request,
)

HEAD = b'POST / HTTP/1.1\r\nContent-Type: application/json\r\n'
CLOSED = [
    (400, b'no HTTP at all\r\n\r\n'),
    (400, b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(64)),
    (400, HEAD + b'Content-Length: -1\r\n\r\n'),
    (400, HEAD + b'Content-Length: 1x\r\n\r\n'),
    (400, HEAD + b'Content-Length: 1\r\nContent-Length: 2\r\n\r\n'),
    (
        400,
        HEAD + b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'
        b'2\r\n{}\r\n0\r\n\r\n',
    ),
    (400, HEAD + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'),
    (404, b'POST /v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'),
    (404, b'POST /?a=b HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'),
    (405, b'GET / HTTP/1.1\r\nHost: here\r\n\r\n'),
    (405, b'DELETE / HTTP/1.1\r\nHost: here\r\n\r\n'),
    (
        405,
        b'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    ),
    (411, HEAD + b'\r\n'),
    (411, HEAD + b'Content-Length: 0\r\n\r\n'),
    (413, HEAD + b'Content-Length: 1048577\r\n\r\n'),
    (
        413,
        HEAD + b'Transfer-Encoding: chunked\r\n\r\n'
        b'100001\r\n' + bytes(0x100001),
    ),
    (415, b'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'),
    (
        415,
        b'POST / HTTP/1.1\r\nContent-Type: text/plain\r\n'
        b'Content-Length: 2\r\n\r\n{}',
    ),
    (431, HEAD + b'X: ' + b'x' * 100_000),
    (431, HEAD + b'X: 1\r\n' * 20_000),
]


class RequestsTest(HttpTestCase):
    """What is a request and what is not, one connection after another."""

    def test_answered_and_kept(self) -> None:
        peer = self.peer(self.serve())
        for number in range(3):
            body = b'{"number": %d}' % number
            peer.send(request(body))
            answer = peer.answer()
            self.assertEqual(200, answer.status)
            self.assertEqual(
                'application/json', answer.headers['Content-Type']
            )
            self.assertIsNone(answer.headers['Connection'])
            self.assertEqual(body, answer.text)

    def test_refused_and_closed(self) -> None:
        calls: list[bytes] = []
        server = self.serve(lambda body: calls.append(body) or body)
        for status, sent in CLOSED:
            with self.subTest(status=status, sent=sent[:80]):
                peer = self.peer(server)
                peer.send(sent)
                answer = peer.answer()
                self.assertEqual(status, answer.status)
                self.assertEqual('close', answer.headers['Connection'])
                self.assertIn(b'"jsonrpc": "2.0"', answer.text)
                self.assertTrue(peer.ended())
        self.assertEqual([], calls)

    def test_405_names_the_method(self) -> None:
        peer = self.peer(self.serve())
        peer.send(b'GET / HTTP/1.1\r\n\r\n')
        self.assertEqual('POST', peer.answer().headers['Allow'])

    def test_other_forms_of_the_same(self) -> None:
        server = self.serve()
        for head in (
            b'POST http://a/ HTTP/1.1\r\ncontent-type: Application/JSON\r\n',
            HEAD.replace(b'json', b'json; charset=utf-8'),
            HEAD + b'Expect: something-else\r\n',
        ):
            with self.subTest(head):
                peer = self.peer(server)
                peer.send(head + b'Content-Length: 2\r\n\r\n{}')
                self.assertEqual(200, peer.answer().status)

    def test_in_pieces(self) -> None:
        peer = self.peer(self.serve())
        for byte in request(b'{"a": 1}'):
            peer.send(bytes([byte]))
        self.assertEqual(b'{"a": 1}', peer.answer().text)

    def test_in_chunks(self) -> None:
        peer = self.peer(self.serve())
        peer.send(
            HEAD + b'Transfer-Encoding: chunked\r\n\r\n'
            b'3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n'
        )
        self.assertEqual(b'{"a": 1}', peer.answer().text)

    def test_large(self) -> None:
        body = b'"%b"' % os.urandom(300_000).hex().encode()
        self.assertEqual(body, ask(self.client(self.serve()), body))

    def test_waits_for_100_continue(self) -> None:
        peer = self.peer(self.serve())
        peer.send(HEAD + b'Expect: 100-continue\r\nContent-Length: 2\r\n\r\n')
        expected = b'HTTP/1.1 100 Continue\r\n\r\n'
        self.assertEqual(expected, peer.sock.recv(100))
        peer.send(b'{}')
        self.assertEqual(b'{}', peer.answer().text)

    def test_http_1_0_is_closed(self) -> None:
        peer = self.peer(self.serve())
        peer.send(request().replace(b'HTTP/1.1', b'HTTP/1.0'))
        answer = peer.answer()
        self.assertEqual('close', answer.headers['Connection'])
        self.assertTrue(peer.ended())

    def test_several_at_once_in_order(self) -> None:
        peer = self.peer(self.serve())
        peer.send(b''.join(request(b'[%d]' % number) for number in range(50)))
        for number in range(50):
            self.assertEqual(b'[%d]' % number, peer.answer().text)

    def test_garbage_after_a_request(self) -> None:
        peer = self.peer(self.serve())
        peer.send(request() + b'garbage\r\n\r\n')
        self.assertEqual(200, peer.answer().status)
        self.assertEqual(400, peer.answer().status)
        self.assertTrue(peer.ended())

    def test_half_closed(self) -> None:
        peer = self.peer(self.serve())
        peer.send(request())
        peer.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(200, peer.answer().status)
        self.assertTrue(peer.ended())

    def test_closed_in_the_middle(self) -> None:
        held = Held()
        server = self.serve(held)
        peer = self.peer(server)
        peer.send(request(b'{"never": "complete"}')[:-1])
        peer.sock.close()
        # Nobody waits for it.
        self.assertTrue(server.stop(5))
        self.assertEqual([], held.bodies)

    def test_failing_handler(self) -> None:
        def handle(body: bytes) -> bytes:
            raise ValueError('PIN 1234')

        peer = self.peer(self.serve(handle))
        peer.send(request())
        with self.assertLogs('secretstore.rpc.http', 'ERROR'):
            answer = peer.answer()
        self.assertEqual(500, answer.status)
        self.assertNotIn(b'1234', answer.text)


class PlacesTest(HttpTestCase):
    def test_several(self) -> None:
        path = str(self.directory / 'socket')
        server = self.serve(listen=[LOCAL, path], mode=0o600)
        self.assertEqual(path, server.addresses[1].path)
        self.assertEqual(0o600, stat.S_IMODE(os.stat(path).st_mode))
        for address in server.addresses:
            self.assertEqual(b'[1]', ask(self.client(address), b'[1]'))

    def test_ipv6(self) -> None:
        try:
            socket.create_server(('::1', 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest(f'no IPv6: {error}')
        server = self.serve(listen=['[::1]:0'])
        self.assertIn('http://[::1]:', str(server.addresses[0]))
        self.assertEqual(b'[1]', ask(self.client(server), b'[1]'))

    def test_threads_run_side_by_side(self) -> None:
        held = Held()
        client = self.client(self.serve(held))
        started = [in_thread(lambda: ask(client)) for _ in range(8)]
        held.wait_for(8)
        held.let_go(8)
        for thread, results in started:
            thread.join()
            self.assertEqual([b'{}'], results)

    def test_stop_without_start(self) -> None:
        path = str(self.directory / 'socket')
        server = self.serve(listen=[path])
        Peer(server.addresses[0]).sock.close()
        self.assertTrue(server.stop(5))
        self.assertFalse(os.path.exists(path))
