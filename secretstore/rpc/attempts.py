# SPDX-License-Identifier: Apache-2.0
"""One call of a conductor: what is sent for each attempt, and the answer."""

import os
import time

import msgspec

from secretstore import errors
from secretstore.rpc import codec, wire
from secretstore.rpc.fate import Fate
from secretstore.rpc.refusals import Cause, Refused
from secretstore.rpc.sealing import Sealing
from secretstore.rpc.transport import Transport


class Attempts:
    """Makes a request anew for each attempt, and opens the answer to the last.

    Each says until when somebody waits for its answer: a conductor that
    finds it later must not execute what meanwhile went to another.

    :param params: an object, as JSON
    """

    def __init__(
        self, seal: Sealing | None, method: str, params: bytes, fate: Fate
    ) -> None:
        self._sealing = seal
        self._method = method
        self._params = params
        self._fate = fate
        self._request_id = ''
        self._sent = 0

    def outcome(self, transport: Transport) -> wire.Outcome:
        """What became of the call; raises Refused for what is no answer."""
        answer = self._answer(transport)
        if self._fate.repeatable and wire.was_seen(answer):
            # Something on the way sent the same bytes twice.
            self._fate.repeatable = False
            answer = self._answer(transport)
        if self._sealing is None:
            return wire.Outcome(answer.result, answer.error)
        return self._opened(self._sealing, answer)

    def _answer(self, transport: Transport) -> wire.Answer:
        answer = transport.call(
            self._request,
            repeatable=self._fate.repeatable,
            refused=wire.is_refused,
            in_doubt=self._fate.doubt,
        )
        try:
            return wire.decode_answer(answer)
        except msgspec.DecodeError:
            raise not_an_answer() from None

    def _request(self, seconds: float) -> bytes:
        """The request for an attempt that lasts so long."""
        self._request_id = os.urandom(16).hex()
        until = time.time() + seconds
        body = codec.with_deadline(self._params, until)
        if self._sealing is not None:
            sealed, self._sent = self._sealing.seal_request(
                self._method, self._request_id, body
            )
            body = wire.encode(wire.Sealed(sealed))
        return wire.encode(
            wire.Request(
                '2.0', self._method, self._request_id, msgspec.Raw(body)
            )
        )

    def _opened(self, seal: Sealing, answer: wire.Answer) -> wire.Outcome:
        if not isinstance(answer.result, msgspec.Raw):
            raise _not_executed(self._method, answer)
        plain = seal.open_answer(
            self._method,
            self._request_id,
            self._sent,
            wire.sealed_part(answer.result),
        )
        return wire.decode_outcome(plain)


def _not_executed(method: str, answer: wire.Answer) -> Exception:
    """What to raise for an error that is not sealed.

    Anybody can have written it, so it is not believed to be more than a
    failure, whatever it says.
    """
    error = answer.error
    if not isinstance(error, wire.Error) or error.code == wire.NAMED:
        return Refused(Cause.UNSEALED)
    return errors.ConductorUnavailable(
        f'{method}: error {error.code}: {error.message}'
    )


def not_an_answer() -> errors.ConductorUnavailable:
    return errors.ConductorUnavailable(
        'What answered is no conductor: check [DEFAULT] transport_url'
    )
