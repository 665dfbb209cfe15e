# SPDX-License-Identifier: Apache-2.0
"""What a ciphertext belongs to, as bytes for the associated data."""

import struct

_LENGTH = struct.Struct('>I')


def binding(kind: str, project_id: str, object_id: str) -> bytes:
    """Name one object so that no two objects ever get the same bytes.

    Every part is preceded by its length: no choice of ids makes one
    object's binding look like another's, so a ciphertext that was moved to
    another row does not open.  Raises ``ValueError`` for text that has no
    UTF-8 form (lone surrogates).
    """
    parts = [part.encode() for part in (kind, project_id, object_id)]
    return b''.join(_LENGTH.pack(len(part)) + part for part in parts)
