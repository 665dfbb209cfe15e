# SPDX-License-Identifier: Apache-2.0
"""Several texts as one value, so that no others give the same."""

import hashlib
import struct

_LENGTH = struct.Struct('>I')


def packed(*texts: str) -> bytes:
    """The texts as bytes that no other texts give.

    Every part is preceded by its length.  Raises ``ValueError`` for text
    that has no UTF-8 form (lone surrogates).
    """
    parts = [text.encode() for text in texts]
    return b''.join(_LENGTH.pack(len(part)) + part for part in parts)


def binding(kind: str, project_id: str, object_id: str) -> bytes:
    """What a ciphertext belongs to, for its associated data.

    No choice of ids makes one object's binding look like another's, so a
    ciphertext that was moved to another row does not open.
    """
    return packed(kind, project_id, object_id)


def digest(*texts: str) -> str:
    """SHA-256, in hexadecimal, by which texts of any length are compared."""
    return hashlib.sha256(packed(*texts)).hexdigest()
