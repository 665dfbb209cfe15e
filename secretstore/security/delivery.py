# SPDX-License-Identifier: Apache-2.0
"""Keys that services ask for by name and get to see, as Trove does."""

from collections.abc import Callable
import datetime
import os
from typing import Literal, NamedTuple, Protocol

# What a key is for; with the id of that it names a key within its project.
Kind = Literal['backup', 'replication-user']


class KeyName(NamedTuple):
    """The name of a key: what it is for, and the id of that.

    *title* is what people call it; it tells no two keys apart.
    """

    kind: Kind
    object_id: str
    title: str


class KeySpec(NamedTuple):
    """What to generate."""

    algorithm: str
    mode: str
    bit_length: int


# As Trove has always encrypted its backups.
AES_256_CBC = KeySpec('aes', 'cbc', 256)


class NewKey(NamedTuple):
    """A key that a strategy made, or where it made one.

    :ivar text: what is delivered, which secretstore then keeps; None when
        the strategy keeps it
    :ivar reference: by which the strategy finds it again; None when
        secretstore keeps it
    :ivar spec: None for a password that somebody chose
    """

    text: str | None = None
    reference: str | None = None
    spec: KeySpec | None = None


class Key(NamedTuple):
    """A key as it is delivered.

    *text* is a pass phrase for openssl: printable, without white space.
    """

    name: KeyName
    text: str
    spec: KeySpec | None
    created_at: datetime.datetime
    is_new: bool


class NamedKeys(Protocol):
    """The named keys of one project."""

    def get_or_create(self, name: KeyName, make: Callable[[], NewKey]) -> Key:
        """The key of this name, from ``make()`` if there is none yet.

        However many ask at once, all get the same key.  What ``make()`` made
        for nothing is removed with ``delete_named_key()``.
        """


def generate(spec: KeySpec) -> NewKey:
    """A random key that secretstore is to keep."""
    key = os.urandom(spec.bit_length // 8)
    return NewKey(text=as_text(key), spec=spec)


def as_text(key: bytes) -> str:
    """Hexadecimal: openssl takes a pass phrase up to its first line end."""
    return key.hex()
