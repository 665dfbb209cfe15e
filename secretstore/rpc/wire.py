# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC 2.0: requests, answers and errors.

Errors with a name of :mod:`secretstore.errors` cross by that name and with
their message, which is safe to show; of all others nothing crosses.
"""

from typing import Literal

import msgspec

from secretstore import errors
from secretstore.rpc.refusals import Cause, Refused

NOT_JSON = -32700
NOT_A_REQUEST = -32600
NO_SUCH_METHOD = -32601
WRONG_PARAMS = -32602
INTERNAL = -32603
# An error with a name.
NAMED = -32000
# Not executed, and this conductor will not: seal, clock, version.
REFUSED = -32001
# Not executed, and this conductor cannot now: overloaded, or stopping.
BUSY = -32002
# Executed when it came before, and not again.
SEEN = -32003

Id = str | int | float | None

_UNAVAILABLE = errors.Unavailable.__name__
# What is longer is read once only.
_LONGEST_REFUSAL = 2048

_ENCODER = msgspec.json.Encoder()
encode = _ENCODER.encode


class Request(msgspec.Struct):
    """One call; *params* is an object."""

    jsonrpc: Literal['2.0']
    method: str
    id: Id
    params: msgspec.Raw = msgspec.Raw(b'{}')


class Named(msgspec.Struct, rename={'name': 'class'}):
    """Which error it was, and what kinds it is of, the nearest first."""

    name: str
    bases: list[str] = []


class Error(msgspec.Struct, omit_defaults=True):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: Named | None = None


class Outcome(msgspec.Struct, omit_defaults=True):
    """What became of a call: a result or an error."""

    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Error | msgspec.UnsetType = msgspec.UNSET


class Answer(msgspec.Struct):
    """The answer to a request."""

    jsonrpc: Literal['2.0']
    id: Id
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Error | msgspec.UnsetType = msgspec.UNSET


class Sealed(msgspec.Struct):
    """What stands in place of *params* and of *result* when it is sealed."""

    sealed: bytes


class _OnlyError(msgspec.Struct):
    error: Error | None = None


_OURS: dict[str, type[errors.SecretStoreError]] = {
    name: known
    for name, known in vars(errors).items()
    if isinstance(known, type) and issubclass(known, errors.SecretStoreError)
}


class Failure(Exception):
    """A request that is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = Error(code, message)


_requests = msgspec.json.Decoder(Request)
_answers = msgspec.json.Decoder(Answer)
_outcomes = msgspec.json.Decoder(Outcome)
_seals = msgspec.json.Decoder(Sealed)
_only_errors = msgspec.json.Decoder(_OnlyError)

decode_answer = _answers.decode
decode_outcome = _outcomes.decode


def decode_request(body: bytes) -> Request:
    """The request in a body; Failure when there is none."""
    try:
        return _requests.decode(body)
    except msgspec.ValidationError as error:
        raise Failure(
            NOT_A_REQUEST,
            f'Not one JSON-RPC 2.0 request with an id: {error}',
        ) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Failure(NOT_JSON, 'Not JSON in UTF-8') from None


def sealed_part(value: msgspec.Raw) -> bytes:
    """What is sealed in params or a result; Refused when nothing is."""
    try:
        return _seals.decode(value).sealed
    except (msgspec.DecodeError, RecursionError):
        raise Refused(Cause.UNSEALED) from None


def answer(request_id: Id, outcome: Outcome) -> bytes:
    return encode(Answer('2.0', request_id, outcome.result, outcome.error))


def refusal(body: bytes) -> str | None:
    """Why a request was not executed; None: it may have been."""
    if len(body) > _LONGEST_REFUSAL:
        return None
    try:
        error = _only_errors.decode(body).error
    except (msgspec.DecodeError, RecursionError):
        return None
    if error is None or error.code not in (REFUSED, BUSY):
        return None
    return error.message


def is_refused(body: bytes) -> bool:
    """Whether an answer says that the request was not executed."""
    return refusal(body) is not None


def is_trusted(body: bytes) -> bool:
    """Whether an answer is none that strangers can get.

    Where messages are sealed those are errors, and have no name.
    """
    if len(body) > _LONGEST_REFUSAL:
        return True
    try:
        error = _only_errors.decode(body).error
    except (msgspec.DecodeError, RecursionError):
        return True
    return error is None or error.code == NAMED


def was_seen(answer: Answer) -> bool:
    """Whether an answer says that the same bytes were here before."""
    return isinstance(answer.error, Error) and answer.error.code == SEEN


def is_unavailable(error: Error) -> bool:
    """Whether it may work later, or at another conductor."""
    data = error.data
    if error.code != NAMED or data is None:
        return False
    return _UNAVAILABLE in (data.name, *data.bases)


def from_exception(error: errors.SecretStoreError) -> Error:
    """An error as it crosses: under the nearest name that everybody knows."""
    names = [
        known.__name__
        for known in type(error).__mro__
        if _OURS.get(known.__name__) is known
    ]
    return Error(NAMED, error.message, Named(names[0], names[1:]))


def to_exception(error: Error) -> errors.SecretStoreError:
    """The error that crossed, as if it had been raised here."""
    if error.code != NAMED or error.data is None:
        return errors.SecretStoreError(
            f'The conductor answered with error {error.code}: {error.message}'
        )
    names = (error.data.name, *error.data.bases, 'SecretStoreError')
    ours = next(_OURS[name] for name in names if name in _OURS)
    # Constructors differ in what they take; all they do is to word it.
    raised = ours.__new__(ours, error.message)
    raised.message = error.message
    return raised
