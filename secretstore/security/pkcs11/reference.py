# SPDX-License-Identifier: Apache-2.0
"""How a master key in a token is named: its label and its id."""

import re
from typing import NamedTuple
import uuid

from secretstore import errors

_LABEL = '[A-Za-z0-9._-]{1,100}'
_REFERENCE = re.compile(
    f'pkcs11:object=({_LABEL});id=((?:%[0-9a-f]{{2}}){{1,32}});type=secret-key'
)
# Room for the rest of the label.
_PREFIX = re.compile('[A-Za-z0-9._-]{1,60}')


class KeyName(NamedTuple):
    """``CKA_LABEL`` and ``CKA_ID``; only both together name a key."""

    label: str
    id: bytes

    @property
    def reference(self) -> str:
        """The name as a URI of RFC 7512, which other tools take as well."""
        encoded = ''.join(f'%{byte:02x}' for byte in self.id)
        return f'pkcs11:object={self.label};id={encoded};type=secret-key'


def new(prefix: str) -> KeyName:
    """A name that no other key has."""
    number = uuid.uuid4()
    return KeyName(f'{prefix}-{number}', number.bytes)


def parse(reference: str) -> KeyName:
    """The name that a reference stands for.

    Raises ``MasterKeyNotFound`` for text that was never a reference.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise errors.MasterKeyNotFound(
            f'{reference!r} is not the reference of a key in a token'
        )
    return KeyName(found[1], bytes.fromhex(found[2].replace('%', '')))


def is_prefix(text: str) -> bool:
    """Whether labels that begin so can be part of a reference."""
    return _PREFIX.fullmatch(text) is not None
