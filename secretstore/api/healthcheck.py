# SPDX-License-Identifier: Apache-2.0
"""``/healthcheck``: is this process alive, and can it do its work?

``/healthcheck/live`` answers 200 as long as the process answers at all: for
probes that restart what is dead.  ``/healthcheck`` answers 503 when all
conductors, the database or all master keys are away: for load balancers that
look elsewhere.
Neither needs a token, so answers are reused for a second and say no more
than which part fails.
"""

from collections.abc import Callable
import logging
import threading
import time
from typing import TYPE_CHECKING

import webob

from secretstore import errors
from secretstore.context import forget
from secretstore.rpc.interface import Health

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

LOG = logging.getLogger(__name__)

REUSE_SECONDS = 1.0


class Healthcheck:
    """A WSGI application for ``/healthcheck`` and ``/healthcheck/live``."""

    def __init__(
        self, health: Health, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._health = health
        self._clock = clock
        self._lock = threading.Lock()
        self._failure: str | None = None
        self._until = float('-inf')

    def __call__(
        self, environ: 'WSGIEnvironment', start_response: 'StartResponse'
    ) -> 'Iterable[bytes]':
        if environ['PATH_INFO'].rstrip('/') == '/healthcheck/live':
            failure = None
        else:
            failure = self._look()
        response = webob.Response(
            status=503 if failure else 200,
            content_type='text/plain',
            charset='UTF-8',
            text=failure or 'OK',
        )
        return response(environ, start_response)  # type: ignore[no-any-return]

    def _look(self) -> str | None:
        # While somebody asks a database that hangs, others get the last
        # answer: probes must not take all threads.
        never_asked = self._until == float('-inf')
        if not self._lock.acquire(blocking=never_asked):
            return self._failure
        try:
            if self._clock() >= self._until:
                self._failure = self._ask()
                self._until = self._clock() + REUSE_SECONDS
            return self._failure
        finally:
            self._lock.release()

    def _ask(self) -> str | None:
        # Nobody in particular asks, least of all whom this thread served last.
        forget()
        try:
            self._health.check()
        except errors.ConductorUnavailable as error:
            # It names each conductor, and what is the matter with it.
            LOG.warning('healthcheck: %s', error.message)
            return 'The conductor is not available.'
        except errors.DatabaseUnavailable as error:
            LOG.warning('healthcheck: %s', error.message)
            return 'The database is not available.'
        except errors.SecretStoreError as error:
            LOG.warning('healthcheck: %s', error.message)
            return 'The master key is not available.'
        except Exception:
            # Whatever it is: a load balancer has to look elsewhere.
            LOG.exception('healthcheck')
            return 'The service does not work.'
        return None
