# SPDX-License-Identifier: Apache-2.0
"""Payloads of secrets, sealed to the row that they belong to."""

from secretstore import errors
from secretstore.crypto.binding import binding
from secretstore.db.secrets import StoredPayload
from secretstore.keys.hierarchy import KeyHierarchy


def seal(
    keys: KeyHierarchy, project_id: str, secret_id: str, payload: bytes
) -> StoredPayload:
    """The envelope of a secret's payload; raises what the hierarchy does."""
    sealed = keys.seal(project_id, payload, _binding(project_id, secret_id))
    return StoredPayload(sealed.project_key_id, sealed.record)


def unseal(
    keys: KeyHierarchy, project_id: str, secret_id: str, envelope: bytes
) -> bytes:
    """The payload in a secret's envelope; Corrupt names the secret."""
    try:
        return keys.open(project_id, envelope, _binding(project_id, secret_id))
    except errors.Corrupt as error:
        raise errors.Corrupt(f'Secret {secret_id}: {error.message}') from error


def _binding(project_id: str, secret_id: str) -> bytes:
    return binding('secret', project_id, secret_id)
