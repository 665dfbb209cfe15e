# SPDX-License-Identifier: Apache-2.0
"""Few sessions for many threads, and libraries that misbehave."""

from concurrent import futures
import os
import pathlib
import re
import signal
import threading
import time
import typing

from secretstore import errors
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.functional import pkcs11_base
from secretstore.tests.functional.services import libraries, system

THREADS = 32
_OPEN_SESSION = 13
# Only so many sessions of all processes together: each holds a lock on one
# of as many files.
_LIMITED = """
static U instead(U slot, U flags, void *app, void *notify, U *handle) {
    char name[4096];
    for (int number = 0; number < LIMIT; number++) {
        snprintf(name, sizeof name, "%s/session-%d", FOLDER, number);
        int file = open(name, O_CREAT | O_RDWR, 0600);
        if (flock(file, LOCK_EX | LOCK_NB) == 0)
            return ((U (*)(U, U, void *, void *, U *))behind[POINTER])(
                slot, flags, app, notify, handle);
        close(file);
    }
    return 0xB1; /* CKR_SESSION_COUNT */
}
"""
# It takes its time to start as long as there is a file.
_INITIALIZE = 1
_SLOW = """
static U instead(void *arguments) {
    if (access(WHILE, F_OK) == 0)
        sleep(4);
    return ((U (*)(void *))behind[POINTER])(arguments);
}
"""
_CRASHING = 'void C_GetFunctionList(void) { *(volatile char *)0 = 0; }'


SIGNALS = sum(1 << (number - 1) for number in (signal.SIGTERM, signal.SIGHUP))


def blocked(thread: int) -> int:
    """The signals that a thread does not get, as a mask."""
    status = pathlib.Path(f'/proc/{thread}/status').read_text()
    return int(re.findall(r'SigBlk:\s*(\w+)', status)[0], 16)


def opening_thread() -> int:
    (thread,) = [
        thread
        for thread in threading.enumerate()
        if thread.name == 'pkcs11-session'
    ]
    assert thread.native_id
    return thread.native_id


class TestLimit(pkcs11_base.TokenTest):
    options: typing.ClassVar[dict[str, object]] = {'workers': 4}

    def most_workers(self, strategy: SecurityWorkflow) -> int:
        """How many there were while 32 threads worked and succeeded."""
        seen: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.02):
                seen.append(len(pkcs11_base.workers()))

        def work(number: int) -> bool:
            mine = b'%d' % number
            return all(
                strategy.unwrap(
                    self.reference,
                    strategy.wrap(self.reference, pkcs11_base.KEY, mine),
                    mine,
                )
                == pkcs11_base.KEY
                for _ in range(10)
            )

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with futures.ThreadPoolExecutor(THREADS) as pool:
                results = list(pool.map(work, range(THREADS)))
        finally:
            done.set()
            watcher.join()
        self.assertEqual([True] * THREADS, results)
        return max(seen)

    def test_32_threads_on_4_sessions(self) -> None:
        # Fewer, when those that there are have done it before more are open.
        self.assertIn(self.most_workers(self.strategy), (2, 3, 4))

    def test_a_token_that_allows_fewer_than_configured(self) -> None:
        self.strategy.stop()
        library = libraries.around(
            self.token,
            _OPEN_SESSION,
            _LIMITED,
            LIMIT=2,
            FOLDER=self.token.folder,
        )
        strategy = self.started(library_path=library, workers=8)
        # The third is the one that is told so, and ends again.
        self.assertLessEqual(self.most_workers(strategy), 3)
        # One more may be on its way to be told so.
        system.wait_for('two', lambda: len(pkcs11_base.workers()) == 2, 10)
        other = self.token.configuration(library_path=library)
        message = self.refusal(SecurityWorkflow(other).start)
        self.assertIn('SessionCount', message)

    def test_who_waits_for_a_session_takes_one_that_is_idle(self) -> None:
        slow = self.token.folder / 'slow'
        library = libraries.around(self.token, _INITIALIZE, _SLOW, WHILE=slow)
        self.strategy.stop()
        strategy = self.started(library_path=library, wait_timeout=2)
        (worker,) = pkcs11_base.workers()
        slow.touch()

        def unwrap() -> bytes:
            return strategy.unwrap(
                self.reference, self.wrapped, pkcs11_base.BINDING
            )

        with futures.ThreadPoolExecutor(2) as pool:
            os.kill(worker, signal.SIGSTOP)
            calls = [pool.submit(unwrap) for _ in range(2)]
            system.wait_for(
                'the slow one', lambda: len(pkcs11_base.workers()) == 2, 10
            )
            self.assertEqual(SIGNALS, blocked(opening_thread()) & SIGNALS)
            os.kill(worker, signal.SIGCONT)
            for call in calls:
                self.assertEqual(pkcs11_base.KEY, call.result(3))
        new = max(pkcs11_base.workers())
        system.wait_for('signals', lambda: not blocked(new), 10)
        # Nor is it left when it comes after the end.
        strategy.stop()
        system.wait_for('none', lambda: not pkcs11_base.workers(), 10)

    def test_a_library_that_always_crashes(self) -> None:
        broken = libraries.compiled(self.token.folder, _CRASHING)
        conf = self.token.configuration(library_path=broken)
        message = self.refusal(SecurityWorkflow(conf).start)
        self.assertIn(f'{broken} died of SIGSEGV', message)

    def test_workers_that_die_under_load(self) -> None:
        stop = threading.Event()
        failures: list[str] = []

        def work(_: int) -> int:
            count = 0
            while not stop.is_set():
                try:
                    count += self.unwrap() == pkcs11_base.KEY
                except errors.MasterKeyUnavailable as exc:
                    # It waited for the very one that was killed.
                    failures.append(exc.message)
            return count

        with futures.ThreadPoolExecutor(8) as pool:
            running = [pool.submit(work, number) for number in range(8)]
            for _ in range(4):
                system.wait_for(
                    'two', lambda: len(pkcs11_base.workers()) > 1, 30
                )
                os.kill(min(pkcs11_base.workers()), signal.SIGKILL)
                time.sleep(0.5)
            stop.set()
            for call in running:
                self.assertGreater(call.result(), 0)
        for failure in failures:
            self.assertIn('died of SIGKILL', failure)
        self.assertLessEqual(len(failures), 4)
        self.assertLessEqual(len(pkcs11_base.workers()), 4)
