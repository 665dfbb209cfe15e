# SPDX-License-Identifier: Apache-2.0
"""Wrapping keys in this process, for strategies that hold a master key here.

::

    version 1 | nonce 12 | ciphertext 32 | tag 16

Both ciphertext and version are tied to the strategy's label, the reference
of the master key and the binding of the wrapped key.
"""

import re

from secretstore import errors
from secretstore.crypto import aead

_REFERENCE = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_VERSION = b'\x01'


def is_uuid(reference: str) -> bool:
    """Whether it is written as we write UUIDs.

    References come from the database, and become parts of paths and URLs.
    """
    return _REFERENCE.fullmatch(reference) is not None


class LocalWrap:
    """Wraps under master keys that the caller has at hand.

    :param label: names the strategy; what one has wrapped opens for no other
    """

    def __init__(self, label: str) -> None:
        # NUL ends the label and occurs in none.
        self._label = f'secretstore {label} wrap\0'.encode() + _VERSION

    def wrap(
        self,
        master_key: aead.Aead,
        reference: str,
        key: bytes,
        binding: bytes,
    ) -> bytes:
        """The form to store.

        All references of a strategy must have one length, as UUIDs have, so
        that no other reference and binding give the same context.
        """
        return _VERSION + master_key.seal(
            key, self._context(reference, binding)
        )

    def unwrap(
        self,
        master_key: aead.Aead,
        reference: str,
        wrapped: bytes,
        binding: bytes,
    ) -> bytes:
        """The key that ``wrap`` was given; ``Corrupt`` when it was not."""
        if wrapped[:1] != _VERSION:
            raise errors.Corrupt('It has an unknown version')
        return master_key.open(wrapped[1:], self._context(reference, binding))

    def _context(self, reference: str, binding: bytes) -> bytes:
        return self._label + reference.encode() + binding
