# SPDX-License-Identifier: Apache-2.0
"""The workers that are logged in, at work or idle; never more than allowed."""

import math
import threading
import time
from typing import NamedTuple

from oslo_log import log as logging

from secretstore import errors, threads
from secretstore.security.pkcs11 import messages, starter
from secretstore.security.pkcs11.process import Worker

LOG = logging.getLogger(__name__)

_POLITE_SECONDS = 2.0


class Limits(NamedTuple):
    """How many workers there may be, and seconds to wait."""

    workers: int
    for_a_worker: float
    for_an_answer: float

    def busy(self) -> errors.MasterKeyUnavailable:
        return errors.MasterKeyUnavailable(
            f'All {self.workers} sessions with the token were busy for '
            f'{self.for_a_worker:g} s: the HSM is slow or hangs, or allows '
            f'more sessions than [pkcs11] workers'
        )


class _Opening:
    """A session that is being opened, and what came of it."""

    def __init__(self) -> None:
        self.done = False
        self.error: errors.MasterKeyUnavailable | None = None


class Sessions:
    """Thread safe.  Each thread takes one worker, and puts it back.

    A session is opened in a thread of its own: who waits for it takes
    another one that becomes idle meanwhile.
    """

    def __init__(self, start: starter.Starter, limits: Limits) -> None:
        self._starter = start
        self._limits = limits
        self._changed = threading.Condition()
        # All that were opened and not yet ended, and those nobody uses.
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        # Those in which one is being opened, and how often all were closed.
        self._threads: set[threading.Thread] = set()
        self._generation = 0
        # Whether the last one could be opened, and one is being exchanged.
        self._opens = True
        self._exchanging = False

    @property
    def token(self) -> messages.Token | None:
        """The token as the last new session found it."""
        return self._starter.token

    def take(self, deadline: float, since: float = -math.inf) -> Worker:
        """An idle worker, or a new one.

        Raises ``MasterKeyUnavailable`` when there is none by the deadline,
        or none at all and no session can be opened.

        :param deadline: as ``time.monotonic()`` has it
        :param since: one whose session was opened before is not taken
        """
        opening: _Opening | None = None
        with self._changed:
            while (worker := self._take_idle(since)) is None:
                opening = self._still_opening(opening)
                if opening is not None and opening.error is not None:
                    # A token that allows fewer sessions than configured:
                    # those that there are have to do.
                    none = not self._workers and not self._threads
                    if none or since > -math.inf:
                        raise opening.error
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise self._busy()
            return worker

    def exchange(
        self, worker: Worker, deadline: float, since: float, *, works: bool
    ) -> Worker:
        """One that was opened since, in place of one that was taken.

        Raises as ``take`` does.  While no session can be opened, those that
        are open are kept: what one of them cannot do, it may do for others.

        :param works: as for ``end``
        """
        with self._changed:
            ends = self._opens and not self._exchanging
            self._exchanging |= ends
        if not ends:
            self.put(worker)
            return self.take(deadline, since)
        try:
            # First, since the token may allow no more.
            self.end(worker, works=works)
            return self.take(deadline, since)
        finally:
            with self._changed:
                self._exchanging = False

    def put(self, worker: Worker) -> None:
        """Give one back that can be used again."""
        with self._changed:
            if worker in self._workers:
                self._idle.append(worker)
                self._changed.notify_all()
                return
        # All were closed meanwhile.
        worker.kill()

    def end(self, worker: Worker, *, works: bool = False) -> None:
        """End one that was taken.

        :param works: let it log out, which takes no time in one that works
        """
        if works:
            worker.hang_up()
            worker.close(_POLITE_SECONDS)
        else:
            worker.kill()
        with self._changed:
            self._workers.discard(worker)
            self._changed.notify_all()

    def close(self) -> None:
        """Log out and end all workers."""
        with self._changed:
            self._generation += 1
            threads = list(self._threads)
            workers, self._workers = self._workers, set()
            self._idle.clear()
            self._changed.notify_all()
        deadline = time.monotonic() + _POLITE_SECONDS
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            worker.close(max(deadline - time.monotonic(), 0))
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def forget(self) -> None:
        """Close what a fork left us of another process's workers."""
        for worker in self._workers:
            worker.forget()

    def _busy(self) -> errors.MasterKeyUnavailable:
        if self._workers:
            return self._limits.busy()
        return errors.MasterKeyUnavailable(
            'No session with the token could be opened in time: its library '
            'is slow or hangs'
        )

    def _take_idle(self, since: float) -> Worker | None:
        """The one that was used last, if any is right."""
        for worker in reversed(self._idle):
            if worker.opened_at < since:
                continue
            self._idle.remove(worker)
            if worker.alive:
                return worker
            worker.kill()
            self._workers.discard(worker)
        return None

    def _still_opening(self, opening: _Opening | None) -> _Opening | None:
        """One that failed, or goes on; a new one if there is room."""
        if opening is not None and (opening.error or not opening.done):
            return opening
        # It was opened, and is used by another, or gone.
        room = self._limits.workers - len(self._workers) - len(self._threads)
        return self._open() if room > 0 else None

    def _open(self) -> _Opening:
        opening = _Opening()
        thread = threading.Thread(
            target=self._start,
            args=(opening, self._generation),
            name='pkcs11-session',
            daemon=True,
        )
        try:
            threads.start(thread)
        except RuntimeError as exc:
            opening.error = errors.MasterKeyUnavailable(
                f'No session with the token: no thread to open it in: {exc}'
            )
        else:
            self._threads.add(thread)
        return opening

    def _start(self, opening: _Opening, generation: int) -> None:
        worker, error = None, None
        try:
            worker = self._starter.start(self._limits.for_a_worker)
        except errors.MasterKeyUnavailable as exc:
            LOG.debug('No session could be opened: %s', exc)
            # One without the frames, of which some have the PIN.
            error = type(exc)(exc.message)
        except Exception:
            LOG.exception('No session could be opened')
            error = errors.MasterKeyUnavailable(
                'No session with the token could be opened: the log of the '
                'service says why'
            )
        with self._changed:
            self._threads.discard(threading.current_thread())
            opening.done, opening.error = True, error
            self._opens = error is None
            if worker is not None and generation == self._generation:
                self._workers.add(worker)
                self._idle.append(worker)
                worker = None
            self._changed.notify_all()
        if worker is not None:
            # All were closed meanwhile.
            worker.kill()
