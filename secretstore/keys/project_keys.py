# SPDX-License-Identifier: Apache-2.0
"""Project keys: which one of a project is in use, and what wraps it."""

from collections.abc import Iterator
import datetime
import logging
import uuid

from oslo_db import exception as db_exc
from oslo_utils import timeutils

from secretstore import errors
from secretstore.crypto import aead
from secretstore.crypto.binding import binding
from secretstore.db import engine, project_rotation
from secretstore.db import keys as rows
from secretstore.db.keys import ProjectKeyRow
from secretstore.keys.master import MasterKeys

LOG = logging.getLogger(__name__)

# How often a preference, or the master key in use, may change while a key is
# made for it.
_ATTEMPTS = 5


def context(row: ProjectKeyRow) -> bytes:
    """What a project key is wrapped for."""
    return binding('project key', row.project_id, row.id)


class ProjectKeys:
    """The rows of project keys, and what they unwrap to.

    Thread safe.  No strategy is called while a database connection is held.
    """

    def __init__(
        self, database: engine.Database, master_keys: MasterKeys
    ) -> None:
        self._database = database
        self._master_keys = master_keys

    @engine.retried
    def in_use(self, project_id: str) -> ProjectKeyRow | None:
        """None as well while the project prefers another strategy than its."""
        with self._database.reading() as connection:
            return rows.project_key_in_use(connection, project_id)

    @engine.retried
    def get(self, key_id: str) -> ProjectKeyRow | None:
        with self._database.reading() as connection:
            return rows.project_key(connection, key_id)

    def unwrap(self, row: ProjectKeyRow) -> bytes:
        """The key itself; raises what the strategy does, or ``Corrupt``."""
        try:
            return self._unwrap(row)
        except errors.MasterKeyNotFound:
            # It may be under another master key by now, and this one gone.
            found = self.get(row.id)
            if found is None or found.master_key_id == row.master_key_id:
                raise
            return self._unwrap(found)

    def _unwrap(self, row: ProjectKeyRow) -> bytes:
        master_key = self._master_keys.get(row.master_key_id)
        if master_key is None:
            raise errors.MasterKeyNotFound(
                f'Project key {row.id} is wrapped under master key '
                f'{row.master_key_id}, which the database does not have'
            )
        key = self._master_keys.unwrap(
            master_key, row.wrapped_key, context(row)
        )
        if len(key) != aead.KEY_SIZE:
            raise errors.Corrupt(f'Project key {row.id} has a wrong length')
        return key

    def strategy(self, project_id: str) -> str:
        """Which one is to guard a key that is made for it now."""
        wanted = self._wanted(project_id)
        return wanted.preferred or self._master_keys.default()

    def create(self, project_id: str) -> ProjectKeyRow:
        """Make the project's key, or return that of who was faster.

        The caller unwraps what was stored before it seals anything, so no
        payload ever depends on a key that cannot be had back.
        """
        for _ in range(_ATTEMPTS):
            made = self._made(project_id)
            found = made or self.in_use(project_id)
            if found is not None:
                return found
        raise _being_changed(project_id)

    def rotate(
        self, project_id: str, old_id: str | None = None
    ) -> ProjectKeyRow | None:
        """Use a new key, and return the one in use then; None: it has none.

        Of several calls at a time one makes the key.  Other processes seal
        under the key of before for as long as they keep it in memory.

        :param old_id: the key to replace: nothing happens when it is in use
            no more
        """
        for _ in range(_ATTEMPTS):
            old = self._any_in_use(project_id)
            if old is None or old_id not in (None, old.id):
                return old
            made = self._made(project_id, old)
            if made is not None:
                return made
            found = self.in_use(project_id)
            if found is not None and found.id != old.id:
                return found
        raise _being_changed(project_id)

    def older(
        self, before: datetime.datetime, batch_size: int
    ) -> Iterator[ProjectKeyRow]:
        """Those in use that were made before then (UTC, without a zone)."""
        after = ''
        while found := self._older(before, after, batch_size):
            yield from found
            after = found[-1].id

    @engine.retried
    def _older(
        self, before: datetime.datetime, after: str, at_most: int
    ) -> list[ProjectKeyRow]:
        with self._database.reading() as connection:
            return project_rotation.older(connection, before, after, at_most)

    def _made(
        self, project_id: str, old: ProjectKeyRow | None = None
    ) -> ProjectKeyRow | None:
        """A new key in use; None when it was not right any more.

        :param old: the one in use that it takes the place of
        """
        wanted = self._wanted(project_id)
        row = self._new(project_id, wanted.preferred or wanted.default)
        try:
            return row if self._add(row, wanted.preferred, old) else None
        except db_exc.DBDuplicateEntry:
            LOG.debug('Another key of %s was faster', project_id)
            return None

    def _new(self, project_id: str, strategy: str | None) -> ProjectKeyRow:
        master_key = self._master_keys.in_use(strategy)
        row = ProjectKeyRow(
            id=str(uuid.uuid4()),
            project_id=project_id,
            master_key_id=master_key.id,
            wrapped_key=b'',
            in_use=True,
            created_at=timeutils.utcnow(),
        )
        wrapped = self._master_keys.wrap(
            master_key, aead.generate_key(), context(row)
        )
        return row._replace(wrapped_key=wrapped)

    @engine.retried
    def _wanted(self, project_id: str) -> rows.Wanted:
        with self._database.reading() as connection:
            return rows.wanted_strategies(connection, project_id)

    @engine.retried
    def _any_in_use(self, project_id: str) -> ProjectKeyRow | None:
        with self._database.reading() as connection:
            return project_rotation.in_use(connection, project_id)

    @engine.retried
    def _add(
        self,
        row: ProjectKeyRow,
        preferred: str | None,
        old: ProjectKeyRow | None,
    ) -> bool:
        """False, and nothing is stored, when it is not right any more.

        A preference that is given up waits for the end of this, and then
        retires the key.  One that is set meanwhile need not wait: while it
        stands, a key of another strategy is not used.  Neither is anything
        stored under a master key that was replaced meanwhile: whoever
        replaces it waits for the end of this, and then knows all that is
        under it.
        """
        with self._database.writing() as connection:
            held = rows.hold_preferred_strategy(connection, row.project_id)
            if held != preferred:
                return False
            if not rows.hold_master_key(connection, row.master_key_id):
                return False
            if old is not None and not project_rotation.replace(
                connection, old.id
            ):
                return False
            if preferred is not None:
                rows.retire_keys_of_others(
                    connection, row.project_id, preferred
                )
            rows.add_project_key(connection, row)
        return True


def _being_changed(project_id: str) -> errors.BeingChanged:
    return errors.BeingChanged(
        f'The keys of project {project_id} are being changed'
    )
