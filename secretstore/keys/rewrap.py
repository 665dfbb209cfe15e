# SPDX-License-Identifier: Apache-2.0
"""Project keys are moved under the master keys that they belong under.

What there is to do is in the data alone: any process may do any part of it,
at any time, and go on where another has died.
"""

from collections.abc import Callable, Sequence
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
from secretstore.keys.moving import Away, Batch, apply_each
from secretstore.keys.project_keys import ProjectKeys, context

LOG = logging.getLogger(__name__)


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
        self._failed = 0
        self._begin()

    def _begin(self) -> None:
        self._after = self._anywhere()
        self._from_the_start = False
        # A custodian may have one master key and not another, but a new one
        # is made by the strategy.
        self._sources, self._targets = Away(), Away()

    def run(self) -> Batch:
        """Raises ``DatabaseUnavailable``; the rest is in what it returns.

        What needs no custodian that is away is moved, and all else is found
        in the next pass.
        """
        found = self._next()
        if not found:
            return self._end_of_keys()
        # Whatever happens, the next call goes on with others.
        self._after = found[-1].key.id
        self._failed = 0
        targets: dict[str, MasterKeyRow] = {}
        prepared = [self._prepared(each, targets) for each in found]
        moves = [move for move in prepared if move is not None]
        moved = apply_each(self._apply, moves, self._leave_move)
        return Batch(moved, True, self._failed)

    def _end_of_keys(self) -> Batch:
        if self._from_the_start:
            away = self._sources.first or self._targets.first
            self._begin()
            return Batch(0, False, away=away)
        self._after, self._from_the_start = '', True
        return Batch(0, True)

    @engine.retried
    def _next(self) -> list[db.Misplaced]:
        with self._database.reading() as connection:
            if db.is_settled(connection):
                return []
            return db.misplaced(
                connection,
                db.Reach(
                    self._master_keys.enabled,
                    self._master_keys.enabled - self._targets.names,
                    self._sources.names,
                ),
                self._after,
                self._batch_size,
            )

    def _prepared(
        self, found: db.Misplaced, targets: dict[str, MasterKeyRow]
    ) -> _Move | None:
        """How to move it; None when it cannot be moved in this pass."""
        strategy = found.strategy
        try:
            if strategy not in targets:
                with self._targets.asking(strategy):
                    targets[strategy] = self._master_keys.in_use(strategy)
            return self._move(found.key, strategy, targets[strategy])
        except errors.MasterKeyUnavailable:
            # Noted, for the end of the pass.
            return None
        except (errors.Corrupt, errors.MasterKeyNotFound) as error:
            self._leave(found.key, error.message)
            return None

    def _leave(self, key: ProjectKeyRow, why: str) -> None:
        self._failed += 1
        LOG.error('Project key %s cannot be rewrapped: %s', key.id, why)

    def _leave_move(self, move: _Move, why: str) -> None:
        self._leave(move.old, why)

    def _move(
        self, old: ProjectKeyRow, strategy: str, target: MasterKeyRow
    ) -> _Move:
        with self._sources.asking(old.master_key_id):
            key = self._project_keys.unwrap(old)
        with self._targets.asking(strategy):
            wrapped = self._master_keys.wrap(target, key, context(old))
            again = self._master_keys.unwrap(target, wrapped, context(old))
        # What is stored is known to open, or it is not stored.
        if len(again) != aead.KEY_SIZE or again != key:
            raise errors.Corrupt(
                f'Master key {target.id} does not give back what it wrapped'
            )
        return _Move(old, target.id, wrapped)

    @engine.retried
    def _apply(self, moves: Sequence[_Move]) -> int:
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
                    'The database does not give back what it was given'
                )
        return len(moved)
