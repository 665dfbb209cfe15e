# SPDX-License-Identifier: Apache-2.0
"""Servers that are processes of their own: stopped, killed, and shared."""

import collections
import multiprocessing
import os
from pathlib import Path
import signal
import time

from secretstore import errors
from secretstore.rpc.http.addresses import to_listen_at
from secretstore.rpc.http.listening import Listening
from secretstore.rpc.http.server import HttpServer
from secretstore.tests.unit.rpc.http.base import (
    LOCAL,
    SECONDS,
    HttpTestCase,
    Peer,
    ask,
    in_thread,
    request,
)


class SignalTest(HttpTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.directory / 'executed'
        self.waiting = b'wait ' + str(self.path).encode()

    def executed(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []

    def wait_until_executed(self) -> None:
        until = time.monotonic() + SECONDS
        while not self.executed():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def test_stopped_and_continued(self) -> None:
        process, good = self.process(LOCAL), self.process(LOCAL)
        frozen_client = self.client(process.address, timeout=2)
        name = ask(frozen_client)
        client = self.client(process.address, good.address, timeout=2)
        process.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            for _ in range(10):
                self.assertNotEqual(name, ask(client, repeatable=True))
                client.close()
            # It was waited for once at most.
            self.assertLess(time.monotonic() - began, 2)
            with self.assertRaisesRegex(
                errors.ConductorUnavailable, 'no answer within'
            ):
                ask(frozen_client, repeatable=True)
        finally:
            process.signal(signal.SIGCONT)
        self.assertEqual(name, ask(frozen_client, repeatable=True))

    def test_killed_while_it_executes(self) -> None:
        process = self.process(LOCAL)
        client = self.client(process.address, process.address)
        ask(client)
        thread, results = in_thread(lambda: ask(client, self.waiting))
        self.wait_until_executed()
        process.kill()
        thread.join()
        self.assertIsInstance(results[0], errors.ConductorUnavailable)
        self.assertIn('may have been executed', str(results[0]))
        self.assertEqual(1, len(self.executed()))

    def test_killed_and_started_again(self) -> None:
        path = str(self.directory / 'socket')
        for listen in (LOCAL, path):
            with self.subTest(listen):
                process = self.process(listen)
                address = process.address
                client = self.client(address)
                name = ask(client)
                process.kill()
                with self.assertRaises(errors.ConductorUnavailable):
                    ask(client)
                self.process(address.path or address.authority)
                self.assertNotEqual(name, ask(client, repeatable=False))

    def test_terminated(self) -> None:
        process, other = self.process(LOCAL), self.process(LOCAL)
        client = self.client(process.address, other.address, max_age=0)
        names = {ask(client, repeatable=False) for _ in range(40)}
        self.assertEqual(2, len(names))
        self.assertEqual(0, process.terminate())
        self.assertEqual(
            1, len({ask(client, repeatable=False) for _ in range(10)})
        )


def freeze(pid: int) -> None:
    """Stop it with SIGSTOP, and return when none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + SECONDS
    for task in Path(f'/proc/{pid}/task').iterdir():
        while task.joinpath('stat').read_text().rsplit(')')[1][1] != 'T':
            assert time.monotonic() < until
            time.sleep(0.001)


def _work(listening: Listening) -> None:
    """A worker: serves until it is told to stop."""
    server = HttpServer(listening, lambda _: str(os.getpid()).encode())
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    server.start()
    signal.sigwait({signal.SIGTERM})
    os._exit(0 if server.stop(5) else 1)


class SharedTest(HttpTestCase):
    """Workers accept from the same sockets."""

    def setUp(self) -> None:
        super().setUp()
        path = self.directory / 'socket'
        self.listening = Listening(
            [to_listen_at(LOCAL), to_listen_at(str(path))]
        )
        self.addCleanup(self.listening.close)
        self.workers: list[multiprocessing.process.BaseProcess] = []

    def start(self, method: str, count: int) -> None:
        context = multiprocessing.get_context(method)
        for _ in range(count):
            worker = context.Process(target=_work, args=(self.listening,))
            worker.start()
            self.addCleanup(worker.join)
            self.addCleanup(worker.kill)
            self.workers.append(worker)

    def ask_all(self) -> collections.Counter[bytes]:
        """The names of those that answer 60 new connections."""
        found: collections.Counter[bytes] = collections.Counter()
        for address in self.listening.addresses:
            for _ in range(30):
                client = self.client(address)
                found[ask(client, repeatable=False)] += 1
                client.close()
        return found

    def names(self) -> set[bytes]:
        return {str(worker.pid).encode() for worker in self.workers}

    def end(self, worker: multiprocessing.process.BaseProcess) -> None:
        worker.terminate()
        worker.join(SECONDS)
        self.assertEqual(0, worker.exitcode)

    def test_forked(self) -> None:
        self.check('fork')

    def test_spawned(self) -> None:
        self.check('spawn')

    def check(self, method: str) -> None:
        self.start(method, 2)
        found: set[bytes] = set()
        until = time.monotonic() + 3 * SECONDS
        while found != self.names():
            self.assertLess(time.monotonic(), until)
            found |= set(self.ask_all())
        # All of them work when one of them cannot.
        frozen = self.workers[0].pid
        assert frozen is not None
        freeze(frozen)
        try:
            self.assertNotIn(str(frozen).encode(), self.ask_all())
        finally:
            os.kill(frozen, signal.SIGCONT)

    def test_one_ends(self) -> None:
        self.start('fork', 2)
        self.ask_all()
        first = self.workers.pop(0)
        client = self.client(*self.listening.addresses)
        stop = [False]

        def load() -> None:
            while not stop[0]:
                ask(client, repeatable=False)

        thread, failed = in_thread(load)
        self.end(first)
        self.assertEqual(self.names(), set(self.ask_all()))
        # In place of it comes another one.
        self.start('fork', 1)
        self.assertLessEqual(set(self.ask_all()), self.names())
        stop[0] = True
        thread.join()
        self.assertEqual([None], failed)
        self.assertTrue(self.directory.joinpath('socket').exists())

    def test_newcomers_wait_while_workers_are_replaced(self) -> None:
        self.start('fork', 1)
        self.ask_all()
        self.end(self.workers.pop())
        client = self.client(self.listening.addresses[0])
        thread, results = in_thread(lambda: ask(client, repeatable=False))
        time.sleep(0.1)
        self.start('fork', 1)
        thread.join(SECONDS)
        self.assertEqual(self.names(), set(results))

    def test_all_end(self) -> None:
        self.start('fork', 1)
        self.ask_all()
        self.end(self.workers.pop())
        self.listening.refuse()
        for address in self.listening.addresses:
            peer = Peer(address)
            self.addCleanup(peer.sock.close)
            peer.send(request())
            self.assertEqual(503, peer.answer().status)
        self.listening.close()
        for address in self.listening.addresses:
            with self.assertRaises(OSError):
                Peer(address)
