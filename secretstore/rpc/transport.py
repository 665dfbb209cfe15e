# SPDX-License-Identifier: Apache-2.0
"""How a request in bytes reaches some conductor, and its answer comes back."""

from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
    """Carries requests to whichever conductor is there; thread safe."""

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        """Send a request to a conductor, and return what it answered.

        *request* makes what is sent in one attempt; it is told how many
        seconds that attempt waits for its answer.

        A request whose fate is unknown is sent again only when it is
        *repeatable*; *in_doubt* is called as soon as it is unknown.  Answers
        for which *refused* is true say that nothing was executed: another
        conductor is tried, whatever the request.

        :raises ConductorUnavailable: when no conductor answered in time, or
            all refused
        """
