# SPDX-License-Identifier: Apache-2.0
"""Starts workers: one at a time, not too often, never with a refused PIN."""

from collections.abc import Callable
import threading
import time

from oslo_log import log as logging

from secretstore import errors
from secretstore.security.pkcs11 import messages
from secretstore.security.pkcs11.pin import Pin
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

    def __init__(
        self,
        library: str,
        token_label: str,
        token_serial: str,
        pin: Pin,
        seconds: float,
    ) -> None:
        """Remember what to open.

        :param seconds: for loading the library and logging in
        """
        self._where = (library, token_label, token_serial)
        self._pin = pin
        self._seconds = seconds
        self._lock = threading.Lock()
        self._failure = ''
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
                raise errors.MasterKeyUnavailable(self._failure)
            return self._start(self._pin.read())
        finally:
            self._lock.release()

    def _start(self, pin: str) -> Worker:
        try:
            worker = Worker()
        except OSError as exc:
            raise self._failed(
                f'no process can be started for it: {exc.strerror}'
            ) from None
        try:
            answer = worker.call(
                messages.Open(*self._where, pin), self._seconds
            )
        except Hung:
            worker.kill()
            raise self._failed(
                f'the library {self._where[0]} did not open a session in '
                f'{self._seconds:g} s'
            ) from None
        except Died:
            worker.kill()
            raise self._failed(
                f'the process of the library {self._where[0]} '
                f'{worker.ending} while it opened a session'
            ) from None
        if isinstance(answer, messages.Token):
            self._failures = 0
            self.token = answer
            return worker
        worker.kill()
        if isinstance(answer, messages.Failed) and answer.kind == 'pin':
            self._pin.refuse(pin)
            raise self._pin.refusal(answer.text)
        text = answer.text if isinstance(answer, messages.Failed) else ''
        raise self._failed(text)

    def _failed(self, reason: str) -> errors.MasterKeyUnavailable:
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        self._failure = f'No session with the token: {reason}'
        self._not_before = self._clock() + pause
        LOG.warning('%s; not tried again for %g s', self._failure, pause)
        return errors.MasterKeyUnavailable(self._failure)
