# SPDX-License-Identifier: Apache-2.0
"""Master key, project key, data key, payload: each sealed by the one above.

The only module that turns a project and a payload into a record and back.
"""

from collections.abc import Callable, Mapping
import time
from typing import NamedTuple
import uuid

from secretstore import errors
from secretstore.cache import TtlCache
from secretstore.crypto import aead
from secretstore.crypto.envelope import Envelope
from secretstore.db import engine
from secretstore.db.keys import ProjectKeyRow
from secretstore.keys.master import MasterKeys
from secretstore.keys.moving import Away
from secretstore.keys.project_keys import ProjectKeys
from secretstore.metrics import record
from secretstore.security.workflow import BaseSecurityWorkflow

# What the service seals for itself is sealed under the key of a project of
# its own.  A line feed is in no header, no password file and no id that
# Keystone makes, so nobody's project has this name.
SERVICE_PROJECT = '\nservice'


class Sealed(NamedTuple):
    """A record to store, and the id of the project key that opens it."""

    project_key_id: str
    record: bytes


class _ProjectKey(NamedTuple):
    """A project key that is ready to use."""

    id: str
    project_id: str
    aead: aead.Aead


class KeyHierarchy:
    """Seals and opens the payloads of all projects.

    Thread safe.  ``seal`` and ``open`` read the database and may wait for
    the custodian of the master key, so they are called outside of any
    transaction.  For ``cache_ttl`` seconds after a project's key was used
    first, they need neither, and work on while either is away.
    """

    def __init__(
        self,
        database: engine.Database,
        strategies: Mapping[str, BaseSecurityWorkflow],
        default_strategy: str,
        *,
        cache_ttl: float,
        cache_size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.master_keys = MasterKeys(database, strategies, default_strategy)
        self.project_keys = ProjectKeys(database, self.master_keys)
        # Two caches: a key must not outlive its own entry because its
        # project's entry is younger.
        self._in_use: TtlCache[str, uuid.UUID] = TtlCache(
            cache_ttl, cache_size, clock
        )
        self._keys: TtlCache[uuid.UUID, _ProjectKey] = TtlCache(
            cache_ttl, cache_size, clock, record.key_lookup
        )

    def start(self) -> None:
        """Start the strategies; make the default's first master key.

        Raises ``StartupError`` with one line when a strategy cannot start
        or a master key that is not retired is missing, unreadable or
        wrong.  Processes that start at the same time on an empty database
        end with one master key.
        """
        self.master_keys.start()

    def verify(self, away: Away | None = None) -> None:
        """Verify what ``start`` verifies, and make nothing.

        :param away: takes note of strategies that are away, which else are a
            ``StartupError``
        """
        self.master_keys.verify(away)

    def stop(self) -> None:
        """Forget all keys and stop the strategies."""
        self._in_use.clear()
        self._keys.clear()
        self.master_keys.stop()

    def check(self) -> None:
        """Return when keys that are in no cache could be used now.

        At least those of one custodian.  Asks the database and all custodians
        on each call; raises what ``seal`` and ``open`` would raise.
        """
        self.master_keys.check()

    def seal(self, project_id: str, payload: bytes, binding: bytes) -> Sealed:
        """Seal a payload under the project's key, made when it has none.

        A project that prefers a secret store has a key of that store's
        strategy: when its key is of another, it gets a new one, and what
        the old one sealed goes on to open.

        Raises ``MasterKeyUnavailable`` or ``DatabaseUnavailable`` when a
        key is needed and cannot be had at the moment, and
        ``MasterKeyNotFound`` when it is lost.
        """
        key_id = self._in_use.get(
            project_id, lambda: self._find_in_use(project_id)
        )
        key = self._keys.get(key_id, lambda: self._load(key_id))
        envelope = Envelope.seal(key_id, key.aead, payload, binding)
        return Sealed(key.id, envelope.encode())

    def open(self, project_id: str, record: bytes, binding: bytes) -> bytes:
        """Return the payload of a record that ``seal`` made.

        Raises ``Corrupt`` when the record was changed, belongs to another
        project or binding, or names a key that does not exist; and what
        ``seal`` raises.
        """
        envelope = Envelope.decode(record)
        key_id = envelope.project_key_id
        key = self._keys.get(key_id, lambda: self._load(key_id))
        if key.project_id != project_id:
            raise errors.Corrupt(
                f'The record names project key {key.id}, which belongs to '
                f'another project'
            )
        return envelope.open(key.aead, binding)

    def forget_in_use(self, project_id: str) -> None:
        """Look up, at the next ``seal``, which key of the project is used.

        For whoever changed that in the database; other processes go on with
        what they know for ``cache_ttl`` seconds at most.
        """
        self._in_use.invalidate(project_id)

    def _find_in_use(self, project_id: str) -> uuid.UUID:
        known = self.project_keys
        row = known.in_use(project_id) or known.create(project_id)
        key_id = uuid.UUID(row.id)
        # The row is at hand: put its key where it is looked for next.
        self._keys.get(key_id, lambda: self._unwrap(row))
        return key_id

    def _load(self, key_id: uuid.UUID) -> _ProjectKey:
        row = self.project_keys.get(str(key_id))
        if row is None:
            raise errors.Corrupt(
                f'The record names project key {key_id}, which does not exist'
            )
        return self._unwrap(row)

    def _unwrap(self, row: ProjectKeyRow) -> _ProjectKey:
        key = self.project_keys.unwrap(row)
        return _ProjectKey(row.id, row.project_id, aead.Aead(key))
