# SPDX-License-Identifier: Apache-2.0
"""Some workers for many threads: bounded, restarted, never more than asked."""

from collections.abc import Iterator
import contextlib
import os
import queue
import threading
import time
from typing import NamedTuple, NoReturn

from oslo_log import log as logging

from secretstore import errors
from secretstore.security.pkcs11 import messages, starter
from secretstore.security.pkcs11.process import Died, Hung, Worker

LOG = logging.getLogger(__name__)

_ERRORS: dict[str, type[errors.SecretStoreError]] = {
    'corrupt': errors.Corrupt,
    'missing': errors.MasterKeyNotFound,
    'refused': errors.MasterKeyUnusable,
    'broken': errors.MasterKeyUnavailable,
}
_WHAT_TO_DO = {
    'missing': (
        '. Restore it from a backup of the HSM, or connect the token that '
        'has it'
    ),
    'broken': ' (what the token answered). It is tried again by itself',
}


class Limits(NamedTuple):
    """How many workers there may be, and seconds to wait."""

    workers: int
    for_a_worker: float
    for_an_answer: float


class _Borrowed(NamedTuple):
    """A worker for one thread; fresh: its session was opened just now."""

    worker: Worker
    fresh: bool


class Pool:
    """The workers of one process.

    Thread safe; a process that was forked from this one makes a pool of its
    own and calls ``forget`` on this.
    """

    def __init__(self, start: starter.Starter, limits: Limits) -> None:
        self.pid = os.getpid()
        self._starter = start
        self._limits = limits
        self._slots = threading.BoundedSemaphore(limits.workers)
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        # All that were started and not yet ended, for close().
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()

    def call(
        self, request: messages.Request, *, again: bool = True
    ) -> messages.Answer:
        """The answer of some worker, which is never ``Failed``.

        What an old session says of a missing key, or of being broken, is
        asked once more of a new one: the token may have been restarted.

        :param again: whether the request may run twice
        """
        deadline = time.monotonic() + self._limits.for_a_worker
        with self._slot():
            borrowed = self._borrow(deadline)
            while True:
                failed = self._ask(borrowed.worker, request)
                if not isinstance(failed, messages.Failed):
                    self._idle.put(borrowed.worker)
                    return failed
                if not _is_doubtful(failed, again) or borrowed.fresh:
                    self._give_back(borrowed.worker, failed)
                    _raise(failed)
                self._end(borrowed.worker)
                borrowed = self._start_or_wait(deadline)

    @property
    def token(self) -> messages.Token | None:
        """The token as the last new session found it."""
        return self._starter.token

    def close(self) -> None:
        """Log out and end all workers."""
        with self._lock:
            workers, self._workers = self._workers, set()
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            worker.close()

    def forget(self) -> None:
        """Close what a fork left us of another process's workers."""
        for worker in self._workers:
            worker.forget()

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._limits.for_a_worker):
            raise self._busy()
        try:
            yield
        finally:
            self._slots.release()

    def _busy(self) -> errors.MasterKeyUnavailable:
        limits = self._limits
        return errors.MasterKeyUnavailable(
            f'All {limits.workers} sessions with the token were busy for '
            f'{limits.for_a_worker:g} s: the HSM is slow or hangs, or allows '
            f'more sessions than [pkcs11] workers'
        )

    def _borrow(self, deadline: float) -> _Borrowed:
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                break
            if worker.alive:
                return _Borrowed(worker, False)
            self._end(worker)
        return self._start_or_wait(deadline)

    def _start_or_wait(self, deadline: float) -> _Borrowed:
        try:
            return self._start()
        except errors.MasterKeyUnavailable as exc:
            # A token that allows fewer sessions than configured: those that
            # there are have to do.
            if not self._workers:
                raise
            LOG.debug('Waiting for one of the sessions there are: %s', exc)
        try:
            seconds = max(deadline - time.monotonic(), 0)
            return _Borrowed(self._idle.get(timeout=seconds), False)
        except queue.Empty:
            raise self._busy() from None

    def _start(self) -> _Borrowed:
        worker = self._starter.start(self._limits.for_a_worker)
        with self._lock:
            self._workers.add(worker)
        return _Borrowed(worker, True)

    def _ask(
        self, worker: Worker, request: messages.Request
    ) -> messages.Answer:
        try:
            return worker.call(request, self._limits.for_an_answer)
        except Hung:
            self._end(worker)
            what = type(request).__name__.lower()
            LOG.error(
                'The library of the HSM did not answer (%s) in %g s; its '
                'process %s was killed',
                what,
                self._limits.for_an_answer,
                worker.pid,
            )
            raise errors.MasterKeyUnavailable(
                f'The library of the HSM did not answer ({what}) in '
                f'{self._limits.for_an_answer:g} s: see whether the HSM is '
                f'reachable; [pkcs11] call_timeout is how long is waited'
            ) from None
        except Died:
            self._end(worker)
            LOG.error('The library of the HSM crashed: %s', worker.ending)
            return messages.Failed(
                'broken', f'the process of its library {worker.ending}'
            )
        except BaseException:
            # Its answer may still come, and is for nobody else.
            self._end(worker)
            raise

    def _give_back(self, worker: Worker, failed: messages.Failed) -> None:
        if failed.kind == 'broken':
            # Some libraries leave a session unusable after any error.
            self._end(worker)
        else:
            self._idle.put(worker)

    def _end(self, worker: Worker) -> None:
        worker.kill()
        with self._lock:
            self._workers.discard(worker)


def _is_doubtful(failed: messages.Failed, again: bool) -> bool:
    return failed.kind == 'missing' or (failed.kind == 'broken' and again)


def _raise(failed: messages.Failed) -> NoReturn:
    raise _ERRORS[failed.kind](
        f'{failed.text}{_WHAT_TO_DO.get(failed.kind, "")}'
    )
