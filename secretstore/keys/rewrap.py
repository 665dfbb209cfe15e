# SPDX-License-Identifier: Apache-2.0
"""Project keys are moved under the master keys that they belong under.

What there is to do is in the data alone: any process may do any part of it,
at any time, and go on where another has died.
"""

from collections.abc import Callable
from typing import NamedTuple
import uuid

from oslo_log import log as logging
from oslo_utils import timeutils

from secretstore import errors
from secretstore.crypto import aead
from secretstore.db import engine
from secretstore.db import keys as rows
from secretstore.db import rotation as db
from secretstore.db.keys import MasterKeyRow, ProjectKeyRow
from secretstore.keys.master import MasterKeys
from secretstore.keys.project_keys import ProjectKeys, context

LOG = logging.getLogger(__name__)


class Batch(NamedTuple):
    """How many keys were moved, and whether there may be more to do.

    failed counts what never can be moved as it is.
    """

    moved: int
    more: bool
    failed: int = 0


class _Move(NamedTuple):
    """A project key as it was, and as it is to be stored."""

    old: ProjectKeyRow
    master_key_id: str
    wrapped: bytes


def _anywhere() -> str:
    """An id that nothing has: project keys are after it and before it."""
    return str(uuid.uuid4())


class Rewrapper:
    """Moves one batch per call.  For one thread.

    Each pass begins anywhere, so that several processes seldom do the same.
    A key that cannot be moved is named in the log, left as it is, and tried
    again in the next pass.
    """

    def __init__(
        self,
        database: engine.Database,
        master_keys: MasterKeys,
        project_keys: ProjectKeys,
        batch_size: int,
        anywhere: Callable[[], str] = _anywhere,
    ) -> None:
        self._database = database
        self._master_keys = master_keys
        self._project_keys = project_keys
        self._batch_size = batch_size
        self._anywhere = anywhere
        self._begin()

    def _begin(self) -> None:
        self._after = self._anywhere()
        self._from_the_start = False

    def run(self) -> Batch:
        """Raises ``Unavailable`` when a custodian, or the database, is away.

        What needs no custodian that is away was moved then, and all else is
        found in the next pass.
        """
        found = self._next()
        if not found:
            return self._end_of_keys()
        # Whatever happens, the next call goes on with others.
        self._after = found[-1].key.id
        away: dict[str, errors.MasterKeyUnavailable] = {}
        moves, failed = self._prepared(found, away)
        moved = self._apply(moves) if moves else 0
        if away:
            raise next(iter(away.values()))
        return Batch(moved, True, failed)

    def _end_of_keys(self) -> Batch:
        if self._from_the_start:
            self._begin()
            return Batch(0, False)
        self._after, self._from_the_start = '', True
        return Batch(0, True)

    @engine.retried
    def _next(self) -> list[db.Misplaced]:
        with self._database.reading() as connection:
            if db.is_settled(connection):
                return []
            return db.misplaced(
                connection,
                self._master_keys.enabled,
                self._after,
                self._batch_size,
            )

    def _prepared(
        self,
        found: list[db.Misplaced],
        away: dict[str, errors.MasterKeyUnavailable],
    ) -> tuple[list[_Move], int]:
        """What can be moved, and how many never can be.

        *away* gets the master keys that cannot be had at the moment.

        None of them is asked for again in this batch: that may take long.
        """
        targets: dict[str, MasterKeyRow] = {}
        moves, failed = [], 0
        for key, strategy in found:
            if key.master_key_id in away:
                continue
            try:
                if strategy not in targets:
                    targets[strategy] = self._master_keys.in_use(strategy)
                moves.append(self._move(key, targets[strategy]))
            except errors.MasterKeyUnavailable as error:
                away[key.master_key_id] = error
            except (errors.Corrupt, errors.MasterKeyNotFound) as error:
                failed += 1
                LOG.error(
                    'Project key %s cannot be rewrapped: %s',
                    key.id,
                    error.message,
                )
        return moves, failed

    def _move(self, old: ProjectKeyRow, target: MasterKeyRow) -> _Move:
        key = self._project_keys.unwrap(old)
        wrapped = self._master_keys.wrap(target, key, context(old))
        # What is stored is known to open, or it is not stored.
        again = self._master_keys.unwrap(target, wrapped, context(old))
        if len(again) != aead.KEY_SIZE or again != key:
            raise errors.Corrupt(
                f'Master key {target.id} does not give back what it wrapped'
            )
        return _Move(old, target.id, wrapped)

    @engine.retried
    def _apply(self, moves: list[_Move]) -> int:
        now = timeutils.utcnow()
        with self._database.writing() as connection:
            held = {
                key_id
                for key_id in sorted({move.master_key_id for move in moves})
                if rows.hold_master_key(connection, key_id)
            }
            moved = {
                move.old.id: move.wrapped
                for move in moves
                if move.master_key_id in held
                and db.move(
                    connection,
                    move.old,
                    move.master_key_id,
                    move.wrapped,
                    now,
                )
            }
            # Nothing else than what was seen to open is ever committed.
            if moved and db.wrapped_keys(connection, moved) != moved:
                raise errors.Corrupt(
                    'The database does not give back what it was given: no '
                    'project key was changed'
                )
        return len(moved)
