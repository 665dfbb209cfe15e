# SPDX-License-Identifier: Apache-2.0
"""What the service and its workers say to each other.

A message is a length of 4 bytes, big endian, and MessagePack of one of the
classes below, which is checked against that class when it is read.
"""

import socket
import struct
import time

import msgspec

_LENGTH = struct.Struct('>I')
_MOST_BYTES = 16 * 1024 * 1024


class _Message(msgspec.Struct, tag=True, array_like=True):
    """One that holds keys or a PIN must not show them in a traceback."""

    def __repr__(self) -> str:
        return type(self).__name__


class Find(_Message):
    """Load a library, and find a token.  The first; answered by ``Token``."""

    library: str
    token_label: str
    token_serial: str


class LogIn(_Message):
    """Log in to what was found.  The second; answered by ``Done``."""

    pin: str


class Check(_Message):
    """Use the session for something small; answered by ``Done``."""


class Discover(_Message):
    """Try each form with a key that is then forgotten; ``Forms``."""


class Create(_Message):
    """Make a key for one form; answered by ``Done``."""

    label: str
    id: bytes
    form: str


class Destroy(_Message):
    """Remove a key; answered by ``Done``."""

    label: str
    id: bytes


class Wrap(_Message):
    """Wrap a key in the first of the forms that fits; ``Done``."""

    label: str
    id: bytes
    key: bytes
    binding: bytes
    forms: list[str]


class Unwrap(_Message):
    """Unwrap a key; answered by ``Done``."""

    label: str
    id: bytes
    wrapped: bytes
    binding: bytes


class ListKeys(_Message):
    """Show the secret keys whose labels begin so; answered by ``Keys``."""

    prefix: str


class Done(_Message):
    """It worked."""

    result: bytes = b''


class Token(_Message):
    """The token that the worker has found."""

    label: str
    serial: str
    manufacturer: str
    model: str
    library: str
    flags: list[str]


class Forms(_Message):
    """The forms that work, and why each of the others does not."""

    usable: list[str]
    missing: dict[str, str]


class KeyInfo(msgspec.Struct, array_like=True, frozen=True):
    """What a token says about a key, as text to show."""

    label: str
    id: bytes
    type: str
    bits: int
    attributes: list[str]


class Keys(_Message):
    """Keys, sorted by label."""

    keys: list[KeyInfo]


class Failed(_Message):
    """It did not work; ``text`` is for the operator and holds no secret.

    ``kind`` is one of

    * ``corrupt``: the token works, and the blob does not open;
    * ``missing``: there is no such token, or this session sees no such key;
    * ``refused``: the token works, and this will not until somebody changes
      something;
    * ``pin``: the token refused the PIN;
    * ``broken``: the library, the token or the session failed.
    """

    kind: str
    text: str


Named = Create | Destroy | Wrap | Unwrap
Request = Find | LogIn | Check | Discover | Named | ListKeys
Answer = Done | Token | Forms | Keys | Failed

_encode = msgspec.msgpack.Encoder().encode
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def name_of(request: Request) -> tuple[str, bytes]:
    """Label and id of the key that is asked for; empty when none is."""
    if isinstance(request, Named):
        return request.label, request.id
    return '', b''


def send(connection: socket.socket, message: Request | Answer) -> None:
    """Send one message; raises ``OSError`` when nobody reads."""
    content = _encode(message)
    connection.sendall(_LENGTH.pack(len(content)) + content)


def receive_request(connection: socket.socket) -> Request:
    """The next request; raises ``EOFError`` when there will be none."""
    return _requests.decode(_receive(connection, None))


def receive_answer(connection: socket.socket, deadline: float) -> Answer:
    """The answer; raises ``TimeoutError`` at the deadline (monotonic).

    ``EOFError``, ``OSError`` or ``msgspec.MsgspecError`` say that the worker
    died, or writes what it should not.
    """
    return _answers.decode(_receive(connection, deadline))


def _receive(connection: socket.socket, deadline: float | None) -> bytes:
    (size,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, deadline))
    if size > _MOST_BYTES:
        raise EOFError('a message is too long to be one')
    return _exactly(connection, size, deadline)


def _exactly(
    connection: socket.socket, size: int, deadline: float | None
) -> bytes:
    content = bytearray()
    while len(content) < size:
        if deadline is not None:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError
        content += part
    return bytes(content)
