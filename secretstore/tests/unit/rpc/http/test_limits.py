# SPDX-License-Identifier: Apache-2.0
"""Who takes too long, and what there are too many of."""

import select
import time

from secretstore import errors
from secretstore.rpc import wire
from secretstore.rpc.http.connection import Limits
from secretstore.tests.unit.rpc.http.base import (
    Held,
    HttpTestCase,
    ask,
    request,
    wait_until,
)

HEAD = b'POST / HTTP/1.1\r\nContent-Type: application/json\r\n'


def known(body: bytes) -> bytes:
    """Refuse all others, as a conductor refuses what is not sealed."""
    if body == b'friend':
        return b'known'
    failure = wire.Error(wire.REFUSED, 'Refused')
    return wire.answer(None, wire.Outcome(error=failure))


class TimeTest(HttpTestCase):
    """Who takes too long."""

    def test_slow_headers_and_bodies(self) -> None:
        server = self.serve(limits=Limits(slow=0.2))
        for part in (10, -1):
            with self.subTest(part):
                peer = self.peer(server)
                peer.send(request()[:part])
                self.assertEqual(408, peer.answer().status)
                self.assertTrue(peer.ended())

    def test_slow_but_never_silent(self) -> None:
        peer = self.peer(self.serve(limits=Limits(slow=0.3)))
        began = time.monotonic()
        peer.send(HEAD)
        with self.assertRaises(OSError):
            while time.monotonic() < began + 8:
                peer.send(b'X: 1\r\n')
                time.sleep(0.05)
        self.assertIn(b' 408 ', peer.sock.recv(1000))

    def test_who_does_not_read_is_left(self) -> None:
        big = b'x' * 20_000_000
        server = self.serve(lambda _: big, limits=Limits(slow=0.2))
        self.peer(server).send(request())
        # Else this waits for the client.
        time.sleep(0.1)
        self.assertTrue(server.stop(5))

    def test_idle_is_told(self) -> None:
        peer = self.peer(self.serve(limits=Limits(idle=0.1)))
        peer.send(request())
        self.assertEqual(200, peer.answer().status)
        self.assertEqual(503, peer.answer().status)
        self.assertTrue(peer.ended())


class ManyTest(HttpTestCase):
    """More than there is room for."""

    def test_too_many_connections(self) -> None:
        server = self.serve(connections=2)
        peers = [self.peer(server) for _ in range(2)]
        for peer in peers:
            peer.send(request())
            self.assertEqual(200, peer.answer().status)
        with self.assertLogs('secretstore.rpc.http', 'WARNING'):
            refused = self.peer(server)
            self.assertEqual(503, refused.answer().status)
        self.assertTrue(refused.ended())
        peers[0].sock.close()
        # The next one gets its place as soon as the thread has ended.
        for _ in range(100):
            peer = self.peer(server)
            peer.send(request())
            if peer.answer().status == 200:
                break
            time.sleep(0.01)
        else:
            self.fail('the place was never free again')

    def test_strangers_make_room(self) -> None:
        """Those who have never had a good request, the oldest first."""
        server = self.serve(known, connections=3)
        friend = self.peer(server)
        friend.send(request(b'friend'))
        self.assertEqual(b'known', friend.answer().text)
        silent, loud = self.peer(server), self.peer(server)
        loud.send(request(b'stranger'))
        self.assertIn(b'-32001', loud.answer().text)
        with self.assertLogs('secretstore.rpc.http', 'WARNING') as logs:
            for gone in (silent, loud):
                new = self.peer(server)
                new.send(request(b'friend'))
                self.assertEqual(b'known', new.answer().text)
                self.assertTrue(gone.ended())
            self.assertEqual(503, self.peer(server).answer().status)
        self.assertIn('max_connections', logs.output[0])
        friend.send(request(b'friend'))
        self.assertEqual(b'known', friend.answer().text)

    def test_strangers_have_little_time(self) -> None:
        server = self.serve(known, limits=Limits(first=0.2))
        for said in (b'', request(b'stranger')):
            peer = self.peer(server)
            peer.send(said)
            if said:
                self.assertEqual(200, peer.answer().status)
            self.assertEqual(503, peer.answer().status)
            self.assertTrue(peer.ended())
        peer = self.peer(server)
        peer.send(request(b'friend'))
        peer.answer()
        self.assertFalse(select.select([peer.sock], [], [], 0.5)[0])

    def test_the_client_says_what_the_server_said(self) -> None:
        server = self.serve(connections=0)
        with (
            self.assertLogs('secretstore.rpc.http', 'WARNING'),
            self.assertRaisesRegex(
                errors.ConductorUnavailable, 'Too many connections'
            ),
        ):
            ask(self.client(server))

    def test_too_many_requests(self) -> None:
        held = Held()
        server = self.serve(held, running=1, waiting=1)
        running, waiting, refused = (self.peer(server) for _ in range(3))
        running.send(request(b'1'))
        held.wait_for()
        waiting.send(request(b'2'))
        refused.send(request(b'2'))
        # Which of them came first is for their threads to settle.
        ready, _, _ = select.select([waiting.sock, refused.sock], [], [], 10)
        if refused.sock not in ready:
            waiting, refused = refused, waiting
        answer = refused.answer()
        self.assertEqual(503, answer.status)
        self.assertEqual('1', answer.headers['Retry-After'])
        self.assertIn(b'not executed', answer.text)
        held.let_go(3)
        self.assertEqual(b'1', running.answer().text)
        self.assertEqual(b'2', waiting.answer().text)
        refused.send(request(b'4'))
        self.assertEqual(b'4', refused.answer().text)
        self.assertEqual([b'1', b'2', b'4'], held.bodies)

    def test_who_went_away_while_waiting(self) -> None:
        """What it asked for may have gone to another conductor."""
        held = Held()
        server = self.serve(held, running=1, waiting=2)
        running, gone, waiting = (self.peer(server) for _ in range(3))
        running.send(request(b'1'))
        held.wait_for()
        gate = server._service.gate
        for count, (peer, body) in enumerate(((gone, b'2'), (waiting, b'3'))):
            peer.send(request(body))
            wait_until(lambda count=count: gate.waiting == count + 1)
        gone.sock.close()
        held.let_go(3)
        self.assertEqual(b'1', running.answer().text)
        self.assertEqual(b'3', waiting.answer().text)
        self.assertEqual([b'1', b'3'], held.bodies)

    def test_waiting_for_too_long(self) -> None:
        held = Held()
        server = self.serve(held, running=1, waiting=1, patience=0.05)
        running, waiting = self.peer(server), self.peer(server)
        running.send(request(b'1'))
        held.wait_for()
        waiting.send(request(b'2'))
        self.assertEqual(503, waiting.answer().status)
        held.let_go()
        self.assertEqual(b'1', running.answer().text)
        self.assertEqual([b'1'], held.bodies)
