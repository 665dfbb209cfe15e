# SPDX-License-Identifier: Apache-2.0
"""Messages that only those with the seal key can read, or have written.

A sealed message is ``format 1 byte | key id 8 | time 8 | salt 16 | nonce 12 |
ciphertext | tag 16``: AES-256-GCM under a key that HMAC-SHA256 makes of the
seal key and the salt, which each process draws for itself, so that no number
of messages wears the seal key out.  The associated data is the direction, the
method, the request id and everything before the nonce.

A request opens once in a process, and only for a while after the time in it.
An answer opens for the one request that it answers.
"""

from collections.abc import Callable, Sequence
import functools
import hashlib
import hmac
import itertools
import logging
import os
import struct
import time
from typing import NamedTuple, Self

from oslo_config import cfg

from secretstore import errors
from secretstore.crypto import aead
from secretstore.crypto.binding import packed
from secretstore.rpc import sealfile
from secretstore.rpc.refusals import Cause, Refused
from secretstore.rpc.replays import Replays, Seen

LOG = logging.getLogger(__name__)

_LABEL = 'secretstore rpc 1'
_FORMAT = 1
_HEADER = struct.Struct('>B8sQ16s')
_SALT_SIZE = 16
# A tenth of what SP 800-38D allows one key with random nonces.
_MOST_PER_SALT = 2**28
_MOST_KNOWN = 4096


class Opened(NamedTuple):
    """A request that was opened, and what its answer has to match."""

    plain: bytes
    key_id: bytes
    sent: int


class _Sender:
    """A key of this process's own, made from a seal key."""

    def __init__(self, key_id: bytes, key: bytes) -> None:
        self.key_id = key_id
        self.salt = os.urandom(_SALT_SIZE)
        self.cipher = _cipher(key, self.salt)
        self.numbers = itertools.count()


class Sealing:
    """Seals with the first of its keys, and opens with any; thread safe.

    :param keys: 256-bit keys, the first of which seals requests; an answer
        is sealed with the key of its request
    :param window: seconds for which a request can be opened
    :param most_replays: how many requests are remembered at most
    """

    def __init__(
        self,
        keys: Sequence[bytes],
        window: float = 60,
        most_replays: int = 400_000,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = {key_id(key): key for key in keys}
        self._first = next(iter(self._keys))
        self._window = int(window * 1000)
        self._replays = Replays(self._window, most_replays, elapsed)
        self._clock = clock
        self._senders: dict[bytes, _Sender] = {}
        self._known: dict[bytes, aead.Aead] = {}

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> Self | None:
        """As group [rpc] has it; None: nothing is to be sealed.

        :raises StartupError: when the file with the keys cannot be used
        """
        group = conf.rpc
        if not group.seal:
            LOG.warning(
                '[rpc] seal is off: whoever reaches a conductor, or reads '
                'what is sent, may do and read everything.'
            )
            return None
        return cls(
            sealfile.read(group.seal_key_file),
            group.seal_window,
            group.replay_cache_size,
        )

    def seal_request(
        self, method: str, request_id: str, plain: bytes
    ) -> tuple[bytes, int]:
        """The sealed request, and the time that open_answer() asks for."""
        sent = int(self._clock() * 1000)
        bound = _bound('request', method, request_id)
        return self._seal(self._first, sent, bound, plain), sent

    def open_request(
        self, method: str, request_id: str, sealed: bytes
    ) -> Opened:
        """The request, once; raises Refused."""
        bound = _bound('request', method, request_id)
        opened = self._open(sealed, bound)
        now = int(self._clock() * 1000)
        late = now - opened.sent
        if abs(late) > self._window:
            raise Refused(Cause.CLOCK, late=late / 1000)
        seen = self._replays.add(request_id, opened.sent, now)
        if seen is Seen.BEFORE:
            raise Refused(Cause.REPLAY)
        if seen is Seen.FORGOTTEN:
            raise Refused(Cause.CLOCK_SET_BACK)
        if seen is Seen.FULL:
            raise Refused(Cause.FULL)
        return opened

    def seal_answer(
        self, method: str, request_id: str, request: Opened, plain: bytes
    ) -> bytes:
        bound = _bound('answer', method, request_id)
        return self._seal(request.key_id, request.sent, bound, plain)

    def open_answer(
        self, method: str, request_id: str, sent: int, sealed: bytes
    ) -> bytes:
        """The answer to the request that was sealed then; raises Refused."""
        bound = _bound('answer', method, request_id)
        opened = self._open(sealed, bound)
        if opened.sent != sent:
            raise Refused(Cause.CHANGED)
        return opened.plain

    def _seal(
        self, key: bytes, sent: int, bound: bytes, plain: bytes
    ) -> bytes:
        sender = self._senders.get(key)
        if sender is None or next(sender.numbers) >= _MOST_PER_SALT:
            sender = self._senders[key] = _Sender(key, self._keys[key])
        header = _HEADER.pack(_FORMAT, key, sent, sender.salt)
        return header + sender.cipher.seal(plain, bound + header)

    def _open(self, sealed: bytes, bound: bytes) -> Opened:
        header = sealed[: _HEADER.size]
        if len(header) < _HEADER.size or header[0] != _FORMAT:
            raise Refused(Cause.UNSEALED)
        _, key, sent, salt = _HEADER.unpack(header)
        known = self._known.get(key + salt)
        cipher = known or self._cipher(key, salt)
        try:
            plain = cipher.open(sealed[_HEADER.size :], bound + header)
        except errors.Corrupt:
            raise Refused(Cause.CHANGED) from None
        if known is None:
            # Only salts of those who have the key are worth remembering.
            if len(self._known) >= _MOST_KNOWN:
                self._known = {}
            self._known[key + salt] = cipher
        return Opened(plain, key, sent)

    def _cipher(self, key: bytes, salt: bytes) -> aead.Aead:
        try:
            return _cipher(self._keys[key], salt)
        except KeyError:
            raise Refused(Cause.WRONG_KEY, key=key.hex()) from None


@functools.lru_cache(1024)
def _purpose(direction: str, method: str) -> bytes:
    return packed(_LABEL, direction, method)


def _bound(direction: str, method: str, request_id: str) -> bytes:
    """What a message is for, to which its header is added.

    No two differ in less: the lengths of the first parts are in it, and a
    header always has the same.
    """
    return _purpose(direction, method) + request_id.encode()


def key_id(key: bytes) -> bytes:
    """What tells keys apart, and nothing of them."""
    return hashlib.sha256(packed(_LABEL, 'key id') + key).digest()[:8]


def _cipher(key: bytes, salt: bytes) -> aead.Aead:
    made = hmac.digest(key, packed(_LABEL, 'message key') + salt, 'sha256')
    return aead.Aead(made)
