# SPDX-License-Identifier: Apache-2.0
"""Keys by name: made by a security strategy once, delivered ever after."""

from collections.abc import Callable
import time
from typing import cast
import uuid

from oslo_db import exception as db_exception
from oslo_log import log as logging

from secretstore import errors
from secretstore.conductor.common import utcnow
from secretstore.conductor.named_key_lists import NamedKeyLists
from secretstore.crypto.binding import binding
from secretstore.db import named_keys as db_keys
from secretstore.db.engine import Database, retried
from secretstore.db.named_keys import NamedKeyRow
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.security.delivery import (
    Key,
    KeyName,
    KeySpec,
    Kind,
    NamedKeys,
    NewKey,
)
from secretstore.security.workflow import BaseSecurityWorkflow

LOG = logging.getLogger(__name__)

# How often a key may vanish while it is asked for.
_ATTEMPTS = 5
# Seconds to wait for the row of a key to go that its keeper has no more: who
# deletes a key has its keeper do so first.
_DELETED_SOON = (0.0, 0.02, 0.1, 0.4)


class NamedKeyStore:
    """The rows of named keys, and the keys that are in them."""

    def __init__(
        self, database: Database, keys: KeyHierarchy, lists: NamedKeyLists
    ) -> None:
        self._database = database
        self._keys = keys
        self._lists = lists

    def find(self, project_id: str, kind: Kind, object_id: str) -> Key:
        """A key that exists; NotFound when it does not."""
        found = self._existing(project_id, kind, object_id)
        if found is None:
            raise _not_found(kind, object_id)
        return found

    def of_project(self, project_id: str, strategy: str) -> NamedKeys:
        """A project's keys, for a strategy that is to give or make one."""
        return _OfProject(self, project_id, strategy)

    def get_or_create(
        self,
        project_id: str,
        name: KeyName,
        strategy: str,
        make: Callable[[], NewKey],
    ) -> Key:
        """The project's key of this name, from ``make()`` if there is none."""
        for _ in range(_ATTEMPTS):
            found = self._existing(project_id, name.kind, name.object_id)
            if found is not None:
                return found
            self._lists.require_room(project_id, name.kind)
            mine = self._made(project_id, name, strategy, make())
            if self._add(mine):
                try:
                    return self._delivered(mine)._replace(is_new=True)
                except errors.MasterKeyNotFound:
                    if not self._goes_soon(mine):
                        raise
                    # It was deleted meanwhile.
                    continue
            # Another was faster, or deleted what our own first try did add.
            self._discard(mine)
        raise _being_changed(name.kind, name.object_id)

    def delete(self, project_id: str, kind: Kind, object_id: str) -> None:
        """Remove a key; NotFound when there is none."""
        row = self._row(project_id, kind, object_id)
        if row is None:
            raise _not_found(kind, object_id)
        # A key that its keeper has no more is removed when this is repeated.
        if row.reference is not None:
            self._keeper(row).delete_named_key(row.reference)
        # When the row is gone by now, somebody else was faster, or this is
        # the second try of a delete whose answer was lost.
        self._remove(row.id)

    def _existing(
        self, project_id: str, kind: Kind, object_id: str
    ) -> Key | None:
        """None when there is none, or when it is deleted meanwhile."""
        for _ in range(_ATTEMPTS):
            row = self._row(project_id, kind, object_id)
            if row is None:
                return None
            try:
                return self._delivered(row)
            except errors.MasterKeyNotFound:
                if not self._goes_soon(row):
                    raise
        raise _being_changed(kind, object_id)

    def _goes_soon(self, row: NamedKeyRow) -> bool:
        for pause in _DELETED_SOON:
            time.sleep(pause)
            found = self._row(row.project_id, row.kind, row.object_id)
            if found is None or found.id != row.id:
                return True
        return False

    def _made(
        self, project_id: str, name: KeyName, strategy: str, key: NewKey
    ) -> NamedKeyRow:
        key_id = str(uuid.uuid4())
        sealed = None
        if key.text is not None:
            sealed = self._keys.seal(
                project_id, key.text.encode(), _binding(project_id, key_id)
            )
        return NamedKeyRow(
            id=key_id,
            project_id=project_id,
            kind=name.kind,
            object_id=name.object_id,
            title=name.title,
            algorithm=key.spec.algorithm if key.spec else None,
            mode=key.spec.mode if key.spec else None,
            bit_length=key.spec.bit_length if key.spec else None,
            strategy=strategy,
            reference=key.reference,
            project_key_id=sealed.project_key_id if sealed else None,
            envelope=sealed.record if sealed else None,
            created_at=utcnow(),
        )

    def _delivered(self, row: NamedKeyRow) -> Key:
        return Key(
            name=_name(row),
            text=self._text(row),
            spec=_spec(row),
            created_at=row.created_at,
            is_new=False,
        )

    def _text(self, row: NamedKeyRow) -> str:
        if row.reference is not None:
            return self._keeper(row).read_named_key(row.reference)
        if row.envelope is None:
            raise errors.Corrupt(f'Named key {row.id} has no key')
        try:
            return self._keys.open(
                row.project_id, row.envelope, _binding(row.project_id, row.id)
            ).decode()
        except errors.Corrupt as error:
            raise errors.Corrupt(
                f'Named key {row.id}: {error.message}'
            ) from error

    def _keeper(self, row: NamedKeyRow) -> BaseSecurityWorkflow:
        return self._keys.master_keys.strategy(
            row.strategy, f'The key of {row.kind} {row.object_id}'
        )

    def _discard(self, row: NamedKeyRow) -> None:
        if row.reference is None:
            return
        try:
            self._keeper(row).delete_named_key(row.reference)
        except errors.SecretStoreError as error:
            LOG.warning(
                'A named key that nothing uses could not be removed; '
                'strategy %s, reference %s: %s',
                row.strategy,
                row.reference,
                error,
            )

    def _add(self, row: NamedKeyRow) -> bool:
        """Whether the row is there now; False when another has its name."""
        try:
            self._insert(row)
        except db_exception.DBDuplicateEntry:
            found = self._row(row.project_id, row.kind, row.object_id)
            # Our own first try did commit, though its answer was lost.
            return found is not None and found.id == row.id
        return True

    @retried
    def _insert(self, row: NamedKeyRow) -> None:
        with self._database.writing() as connection:
            db_keys.add(connection, row)

    @retried
    def _row(
        self, project_id: str, kind: str, object_id: str
    ) -> NamedKeyRow | None:
        with self._database.reading() as connection:
            return db_keys.get(connection, project_id, kind, object_id)

    @retried
    def _remove(self, key_id: str) -> None:
        with self._database.writing() as connection:
            db_keys.delete(connection, key_id)


class _OfProject:
    """Implements :class:`secretstore.security.delivery.NamedKeys`."""

    def __init__(
        self, store: NamedKeyStore, project_id: str, strategy: str
    ) -> None:
        self._store = store
        self._project_id = project_id
        self._strategy = strategy

    def get_or_create(self, name: KeyName, make: Callable[[], NewKey]) -> Key:
        return self._store.get_or_create(
            self._project_id, name, self._strategy, make
        )


def _not_found(kind: Kind, object_id: str) -> errors.NotFound:
    return errors.NotFound(f'There is no key of {kind} {object_id}.')


def _being_changed(kind: Kind, object_id: str) -> errors.BeingChanged:
    return errors.BeingChanged(
        f'The key of {kind} {object_id} is being changed'
    )


def _binding(project_id: str, key_id: str) -> bytes:
    return binding('named key', project_id, key_id)


def _name(row: NamedKeyRow) -> KeyName:
    return KeyName(cast(Kind, row.kind), row.object_id, row.title)


def _spec(row: NamedKeyRow) -> KeySpec | None:
    if row.algorithm is None or row.mode is None or row.bit_length is None:
        return None
    return KeySpec(row.algorithm, row.mode, row.bit_length)
