# SPDX-License-Identifier: Apache-2.0
"""A conductor at the other end of a transport in this process."""

from collections.abc import Callable
import os
import unittest

from secretstore import errors
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.rpc.sealing import Sealing
from secretstore.rpc.transport import Lacking

KEY = os.urandom(32)
# That somebody waits for an answer.
SECONDS = 30.0


class Memory:
    """Implements :class:`secretstore.rpc.transport.Transport`."""

    def __init__(self, *handlers: Callable[[bytes], bytes]) -> None:
        self.handlers = handlers
        self.sent: list[bytes] = []
        self.answers: list[bytes] = []
        self.were_repeatable: list[bool] = []

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        lacking: Lacking | None = None,
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        self.were_repeatable.append(repeatable)
        last = b''
        for handle in self.handlers:
            body = request(SECONDS)
            self.sent.append(body)
            self.answers.append(handle(body))
            if refused(self.answers[-1]):
                continue
            last = self.answers[-1]
            if not repeatable or lacking is None or not lacking(last):
                return last
        if last:
            return last
        raise errors.ConductorUnavailable('All conductors refused')


class Remote(unittest.TestCase):
    """For tests of a conductor, which then is behind sealed messages."""

    @classmethod
    def reached(cls, conductor: Conductor) -> Conductor:
        transport = Memory(Dispatcher(conductor, Sealing([KEY])).handle)
        return Client(transport, Sealing([KEY])).conductor()
