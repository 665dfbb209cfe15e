# SPDX-License-Identifier: Apache-2.0
"""The stored form of a payload.

::

    version 1 | project key id 16 | wrapped data key 60
              | nonce 12 | ciphertext | tag 16

A fresh data key seals the payload, and the project's key wraps the data
key.  Both ciphertexts carry the binding of the row they belong to.  The
wrapped data key is tied to version and project key id as well; the payload
is not, so that ``rewrap`` replaces 77 bytes and leaves a payload of any
size as it is.
"""

import dataclasses
import typing
import uuid

from secretstore import errors
from secretstore.crypto import aead

VERSION = 1

_VERSION_BYTE = bytes([VERSION])
_HEADER_SIZE = 1 + 16
_WRAPPED_SIZE = aead.KEY_SIZE + aead.OVERHEAD
_PAYLOAD_AT = _HEADER_SIZE + _WRAPPED_SIZE
_MINIMUM_SIZE = _PAYLOAD_AT + aead.OVERHEAD

# NUL ends each label and occurs in none, so neither can begin the other.
_DATA_KEY_LABEL = b'secretstore envelope data key\0'
_PAYLOAD_LABEL = b'secretstore envelope payload\0'


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """One payload, sealed; safe to store anywhere."""

    project_key_id: uuid.UUID
    wrapped_data_key: bytes = dataclasses.field(repr=False)
    sealed_payload: bytes = dataclasses.field(repr=False)

    @classmethod
    def seal(
        cls,
        project_key_id: uuid.UUID,
        project_key: aead.Aead,
        payload: bytes,
        binding: bytes,
    ) -> typing.Self:
        """Seal ``payload`` so that only the same key and binding open it."""
        data_key = aead.generate_key()
        return cls(
            project_key_id,
            project_key.seal(
                data_key, _data_key_context(project_key_id, binding)
            ),
            aead.Aead(data_key).seal(payload, _PAYLOAD_LABEL + binding),
        )

    def open(self, project_key: aead.Aead, binding: bytes) -> bytes:
        """Return the payload, or raise ``Corrupt``.

        ``Corrupt`` covers a changed record, a record of another row and
        the wrong project key alike.
        """
        data_key = aead.Aead(self._data_key(project_key, binding))
        return data_key.open(self.sealed_payload, _PAYLOAD_LABEL + binding)

    def rewrap(
        self,
        old: aead.Aead,
        new_id: uuid.UUID,
        new: aead.Aead,
        binding: bytes,
    ) -> typing.Self:
        """Return the same payload under another project key.

        The payload's ciphertext is taken over unread.  Raises ``Corrupt``
        when ``old`` does not open the data key under ``binding``.
        """
        data_key = self._data_key(old, binding)
        wrapped = new.seal(data_key, _data_key_context(new_id, binding))
        return type(self)(new_id, wrapped, self.sealed_payload)

    def encode(self) -> bytes:
        """The record to store."""
        return b''.join(
            (
                _VERSION_BYTE,
                self.project_key_id.bytes,
                self.wrapped_data_key,
                self.sealed_payload,
            )
        )

    @classmethod
    def decode(cls, record: bytes) -> typing.Self:
        """Take a stored record apart; raises ``Corrupt``, nothing else.

        Only the form is checked here; ``open`` finds changed content.
        """
        if record[:1] != _VERSION_BYTE:
            raise errors.Corrupt('The record has an unknown version')
        if len(record) < _MINIMUM_SIZE:
            raise errors.Corrupt('The record is too short')
        return cls(
            uuid.UUID(bytes=record[1:_HEADER_SIZE]),
            record[_HEADER_SIZE:_PAYLOAD_AT],
            record[_PAYLOAD_AT:],
        )

    def _data_key(self, project_key: aead.Aead, binding: bytes) -> bytes:
        key = project_key.open(
            self.wrapped_data_key,
            _data_key_context(self.project_key_id, binding),
        )
        if len(key) != aead.KEY_SIZE:
            raise errors.Corrupt('The data key has the wrong length')
        return key


def _data_key_context(project_key_id: uuid.UUID, binding: bytes) -> bytes:
    return b''.join(
        (_DATA_KEY_LABEL, _VERSION_BYTE, project_key_id.bytes, binding)
    )
