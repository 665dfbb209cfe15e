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
        self._known: tuple[bytes, wire.Outcome] | None = None

    def outcome(self, transport: Transport) -> wire.Outcome:
        """What became of the call; raises Refused for what is no answer."""
        answer = self._send(transport)
        try:
            return self._read(answer)
        except errors.ConductorUnavailable:
            seen = wire.was_seen(_decoded(answer))
            if not (seen and self._fate.repeatable):
                raise
        # Something on the way sent the same bytes twice.
        self._fate.repeatable = False
        return self._read(self._send(transport))

    def _send(self, transport: Transport) -> bytes:
        return transport.call(
            self._request,
            repeatable=self._fate.repeatable,
            refused=wire.is_refused,
            lacking=self._lacking,
            in_doubt=self._fate.doubt,
        )

    def _lacking(self, answer: bytes) -> str | None:
        try:
            error = self._read(answer).error
        except (Refused, errors.ConductorUnavailable):
            # For outcome() to raise, if this is the answer.
            return None
        if isinstance(error, wire.Error) and wire.is_unavailable(error):
            return error.message
        return None

    def _read(self, answer: bytes) -> wire.Outcome:
        """The outcome in an answer, which is opened once."""
        if self._known is None or self._known[0] is not answer:
            self._known = answer, self._opened(_decoded(answer))
        return self._known[1]

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

    def _opened(self, answer: wire.Answer) -> wire.Outcome:
        if self._sealing is None:
            return wire.Outcome(answer.result, answer.error)
        if not isinstance(answer.result, msgspec.Raw):
            raise _not_executed(self._method, answer)
        plain = self._sealing.open_answer(
            self._method,
            self._request_id,
            self._sent,
            wire.sealed_part(answer.result),
        )
        return wire.decode_outcome(plain)


def _decoded(answer: bytes) -> wire.Answer:
    try:
        return wire.decode_answer(answer)
    except msgspec.DecodeError:
        raise not_an_answer() from None


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
