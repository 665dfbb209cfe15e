# SPDX-License-Identifier: Apache-2.0
"""Which conductor gets a request."""

import collections
import threading
import time

from secretstore.rpc.http import endpoints
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.server import HttpServer
from secretstore.tests.unit.rpc.http.base import (
    HttpTestCase,
    Named,
    ask,
    in_thread,
)


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

    def test_before_anybody_is_connected(self) -> None:
        places = [Address('host', number) for number in (1, 2, 3)]
        shared = endpoints.Endpoints(places)
        chosen = []

        def choose() -> None:
            seat = shared.seat()
            chosen.append((seat, shared.order(seat, time.monotonic())[0]))

        for _ in range(12):
            thread, _ = in_thread(choose)
            thread.join()
        counts = collections.Counter(str(first) for _, first in chosen)
        self.assertEqual([4, 4, 4], list(counts.values()))

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
            self.endpoints.failed(first, before, 'test')
            pauses.append(first.avoided_until - before)
        self.assertLess(pauses[0], 1)
        self.assertLess(pauses[2], pauses[4])
        self.assertLess(pauses[-1], 40)
        self.endpoints.worked(first)
        self.assertEqual((0, 0.0), (first.failures, first.avoided_until))

    def test_many_that_fail_together_are_one_failure(self) -> None:
        first = self.endpoints.order(self.seat, 0)[0]
        began = time.monotonic()
        for _ in range(8):
            self.endpoints.failed(first, began, 'test')
        self.assertEqual(1, first.failures)
        self.assertLess(first.avoided_until - time.monotonic(), 1)
        self.endpoints.failed(first, time.monotonic(), 'test')
        self.assertEqual(2, first.failures)

    def test_one_thread_tries_it_again(self) -> None:
        for endpoint in self.endpoints.order(self.seat, 0):
            if endpoint.address.host == 'a':
                self.endpoints.failed(endpoint, time.monotonic(), 'test')
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
