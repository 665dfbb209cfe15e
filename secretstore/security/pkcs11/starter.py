# SPDX-License-Identifier: Apache-2.0
"""Starts workers: one at a time, not too often, never with a refused PIN."""

from collections.abc import Callable
import threading
import time

from oslo_log import log as logging

from secretstore import errors
from secretstore.security.pkcs11 import messages
from secretstore.security.pkcs11.pin import Pin, PinRefused, Unanswered
from secretstore.security.pkcs11.process import Died, Hung, Worker

LOG = logging.getLogger(__name__)

# Seconds during which nobody tries again, after each further failure.
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


class Starter:
    """Opens sessions with one token.

    Thread safe: threads that need a worker at the same moment get theirs
    one after the other, so that a PIN that the token refuses is presented
    once, and a token that is away is not asked by all of them.
    """

    def __init__(self, find: messages.Find, pin: Pin, seconds: float) -> None:
        """Remember what to open.

        :param seconds: for loading the library, and again for logging in
        """
        self._find = find
        self._pin = pin
        self._seconds = seconds
        self._lock = threading.Lock()
        # No exception, which would keep the frames that have the PIN.
        self._failure = errors.MasterKeyUnavailable, ''
        self._failures = 0
        self._not_before = float('-inf')
        self._clock: Callable[[], float] = time.monotonic
        self.token: messages.Token | None = None

    def start(self, patience: float) -> Worker:
        """A worker that is logged in; the token is known afterwards.

        Raises ``MasterKeyUnavailable`` with the operator's hint.  After a
        failure all are told the same for a while.

        :param patience: seconds to wait while others start theirs
        """
        if not self._lock.acquire(timeout=patience):
            raise errors.MasterKeyUnavailable(
                f'No session with the token could be opened in '
                f'{patience:g} s: the library of the HSM is slow or hangs'
            )
        try:
            if self._clock() < self._not_before:
                raise self._last_failure()
            self._pin.require_unrefused()
            return self._start()
        finally:
            self._lock.release()

    def _start(self) -> Worker:
        try:
            worker = Worker()
        except OSError as exc:
            raise self._failed(
                f'no process can be started for it: {exc.strerror}'
            ) from None
        try:
            token = self._asked(worker, self._find)
            if not isinstance(token, messages.Token):
                raise self._failed('a worker answered what was not asked')
            with self._pin.presented(_identity(token), self._seconds) as pin:
                self._asked(worker, messages.LogIn(pin))
        except Unanswered as exc:
            raise self._failed(str(exc)) from None
        except BaseException:
            worker.kill()
            raise
        self._failures = 0
        self.token = token
        worker.opened_at = time.monotonic()
        return worker

    def _asked(
        self, worker: Worker, request: messages.Find | messages.LogIn
    ) -> messages.Answer:
        try:
            answer = worker.call(request, self._seconds)
        except Hung:
            # At once: others may be waiting to log in.
            worker.kill()
            raise Unanswered(
                f'the library {self._find.library} did not open a session in '
                f'{self._seconds:g} s'
            ) from None
        except Died:
            ending = worker.ending
            worker.kill()
            raise Unanswered(
                f'the process of the library {self._find.library} {ending} '
                f'while it opened a session'
            ) from None
        if not isinstance(answer, messages.Failed):
            return answer
        if answer.kind == 'pin':
            raise PinRefused(answer.text)
        raise self._failed(answer.text, answer.kind)

    def _failed(
        self, reason: str, kind: str = ''
    ) -> errors.MasterKeyUnavailable:
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        kind_of_error = (
            errors.MasterKeyUnusable
            if kind == 'refused'
            else errors.MasterKeyUnavailable
        )
        self._failure = kind_of_error, f'No session with the token: {reason}'
        self._not_before = self._clock() + pause
        LOG.warning('%s; not tried again for %g s', self._failure[1], pause)
        return self._last_failure()

    def _last_failure(self) -> errors.MasterKeyUnavailable:
        kind_of_error, message = self._failure
        return kind_of_error(message)


def _identity(token: messages.Token) -> str:
    return '\0'.join(
        (token.manufacturer, token.model, token.serial, token.label)
    )
