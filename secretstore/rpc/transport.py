# SPDX-License-Identifier: Apache-2.0
"""How a request in bytes reaches some conductor, and its answer comes back."""

from collections.abc import Callable
from typing import Protocol

# What the answer says that its conductor is without, such as a database, and
# another may have; None: nothing.
Lacking = Callable[[bytes], str | None]


class Transport(Protocol):
    """Carries requests to whichever conductor is there; thread safe."""

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        lacking: Lacking | None = None,
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        """Send a request to a conductor, and return what it answered.

        *request* makes what is sent in one attempt; it is told how many
        seconds that attempt waits for its answer.

        A request whose fate is unknown is sent again only when it is
        *repeatable*; *in_doubt* is called as soon as it is unknown.  Answers
        for which *refused* is true say that nothing was executed: another
        conductor is tried, whatever the request.  After one for which
        *lacking* says something, another is asked if the request is
        repeatable; when none has a better answer, it is returned.

        :raises ConductorUnavailable: when no conductor answered in time, or
            all refused
        """
