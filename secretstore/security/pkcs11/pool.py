# SPDX-License-Identifier: Apache-2.0
"""Some workers for many threads: bounded, restarted, never more than asked."""

from collections.abc import Iterator
import contextlib
import os
import threading
import time
from typing import NoReturn

from oslo_log import log as logging

from secretstore import errors
from secretstore.security.pkcs11 import messages, starter
from secretstore.security.pkcs11.process import Died, Hung, Worker
from secretstore.security.pkcs11.sessions import Limits, Sessions

LOG = logging.getLogger(__name__)

# For so long, what a new session has said of a key that is missing goes for
# old ones as well; of so many keys.
_MISSING_SECONDS = 2.0
_MOST_MISSING = 1000
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


class Pool:
    """The workers of one process.

    Thread safe; a process that was forked from this one makes a pool of its
    own and calls ``forget`` on this.
    """

    def __init__(self, start: starter.Starter, limits: Limits) -> None:
        self.pid = os.getpid()
        self._limits = limits
        self._slots = threading.BoundedSemaphore(limits.workers)
        self._sessions = Sessions(start, limits)
        # Until when nobody asks a new session for one of these again.
        self._missing: dict[tuple[str, bytes], float] = {}

    def call(
        self,
        request: messages.Request,
        *,
        again: bool = True,
        patience: float = 0,
    ) -> messages.Answer:
        """The answer of some worker, which is never ``Failed``.

        What an old session says of a missing key, or of being broken, is
        asked once more of a new one: the token may have been restarted.

        :param again: whether the request may run twice
        :param patience: seconds to wait for a worker, if more than usual
        """
        began = time.monotonic()
        deadline = began + max(self._limits.for_a_worker, patience)
        with self._slot():
            worker = self._sessions.take(deadline)
            while True:
                failed = self._ask(worker, request)
                if not isinstance(failed, messages.Failed):
                    self._sessions.put(worker)
                    return failed
                new = worker.opened_at >= began
                if new or not self._is_doubtful(failed, request, again):
                    self._give_back(worker, failed)
                    if new and failed.kind == 'missing':
                        self._note_missing(request)
                    _raise(failed)
                worker = self._sessions.exchange(
                    worker, deadline, began, works=failed.kind == 'missing'
                )

    @property
    def token(self) -> messages.Token | None:
        """The token as the last new session found it."""
        return self._sessions.token

    def close(self) -> None:
        """Log out and end all workers."""
        self._sessions.close()

    def forget(self) -> None:
        """Close what a fork left us of another process's workers."""
        self._sessions.forget()

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._limits.for_a_worker):
            raise self._limits.busy()
        try:
            yield
        finally:
            self._slots.release()

    def _is_doubtful(
        self, failed: messages.Failed, request: messages.Request, again: bool
    ) -> bool:
        if failed.kind == 'missing':
            known = self._missing.get(messages.name_of(request), 0.0)
            return time.monotonic() >= known
        return failed.kind == 'broken' and again

    def _note_missing(self, request: messages.Request) -> None:
        if len(self._missing) >= _MOST_MISSING:
            self._missing.clear()
        until = time.monotonic() + _MISSING_SECONDS
        self._missing[messages.name_of(request)] = until

    def _ask(
        self, worker: Worker, request: messages.Request
    ) -> messages.Answer:
        try:
            return worker.call(request, self._limits.for_an_answer)
        except Hung:
            self._sessions.end(worker)
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
            ending = worker.ending
            self._sessions.end(worker)
            LOG.error('The library of the HSM crashed: %s', ending)
            return messages.Failed(
                'broken', f'the process of its library {ending}'
            )
        except BaseException:
            # Its answer may still come, and is for nobody else.
            self._sessions.end(worker)
            raise

    def _give_back(self, worker: Worker, failed: messages.Failed) -> None:
        if failed.kind == 'broken':
            # Some libraries leave a session unusable after any error.
            self._sessions.end(worker)
        else:
            self._sessions.put(worker)


def _raise(failed: messages.Failed) -> NoReturn:
    raise _ERRORS[failed.kind](
        f'{failed.text}{_WHAT_TO_DO.get(failed.kind, "")}'
    )
