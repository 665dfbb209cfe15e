# SPDX-License-Identifier: Apache-2.0
"""What is sealed under replaced project keys moves under those in use.

As with project keys, what there is to do is in the data alone.
"""

from collections.abc import Callable, Sequence
import functools
import time
from typing import NamedTuple
import uuid

from oslo_log import log as logging

from secretstore import errors
from secretstore.crypto import aead
from secretstore.crypto.binding import binding
from secretstore.crypto.envelope import Envelope
from secretstore.db import engine
from secretstore.db import project_rotation as db
from secretstore.db.keys import ProjectKeyRow
from secretstore.keys.moving import Away, Batch, apply_each
from secretstore.keys.project_keys import ProjectKeys

LOG = logging.getLogger(__name__)

# A request that began to seal before its process forgot a key has been
# answered, or given up, by then.
IN_FLIGHT_SECONDS = 600


class _Pair(NamedTuple):
    """A replaced key, ready to use, and the one that takes its place."""

    old_id: str
    old: aead.Aead
    new: ProjectKeyRow
    new_aead: aead.Aead


class Resealer:
    """Moves one batch per call, and deletes keys that have nothing left.

    That is ``wait()`` seconds after this process first saw that a key was
    replaced, by a clock that nobody sets.  For one thread.  An envelope that
    cannot be moved is named in the log, left as it is, and keeps its key.
    """

    def __init__(
        self,
        database: engine.Database,
        project_keys: ProjectKeys,
        batch_size: int,
        wait: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._project_keys = project_keys
        self._batch_size = batch_size
        self._wait = wait
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._failed = 0
        self._pair: _Pair | None = None
        self._begin()

    def _begin(self) -> None:
        self._after_key = ''
        self._start_key('')
        self._passed: dict[str, float] = {}
        self._limit: float | None = None
        # Master keys, and strategies that a new key was to be made by.
        self._away = Away()

    def _start_key(self, key_id: str) -> None:
        self._key_id = key_id
        self._place = 0
        self._after = ''

    def run(self) -> Batch:
        """Raises ``DatabaseUnavailable``; the rest is in what it returns.

        What needs no custodian that is away is moved, and all else is found
        in the next pass.
        """
        self._failed = 0
        keys = self._next()
        for key in keys:
            moved = self._try(key)
            if moved is not None:
                return Batch(moved, True, self._failed)
            self._finished(key)
        if len(keys) == self._batch_size:
            return Batch(0, True, self._failed)
        # Those that are gone need not be remembered.
        self._seen, away = self._passed, self._away.first
        self._begin()
        return Batch(0, False, self._failed, away)

    @engine.retried
    def _next(self) -> list[ProjectKeyRow]:
        with self._database.reading() as connection:
            return db.replaced(connection, self._after_key, self._batch_size)

    def _try(self, key: ProjectKeyRow) -> int | None:
        """How many were moved; None when nothing is left to try."""
        if key.id != self._key_id:
            self._start_key(key.id)
        try:
            return self._one_batch(key)
        except errors.MasterKeyUnavailable:
            # Noted, for the end of the pass; others need other custodians.
            return None
        except (errors.Corrupt, errors.MasterKeyNotFound) as error:
            LOG.error(
                'What is sealed under key %s of project %s cannot be '
                'rewrapped: %s',
                key.id,
                key.project_id,
                error.message,
            )
            self._failed += 1
        return None

    def _one_batch(self, key: ProjectKeyRow) -> int | None:
        while self._place < len(db.PLACES):
            place = db.PLACES[self._place]
            found = self._some(place, key)
            if found:
                # Whatever happens, the next call goes on with others.
                self._after = found[-1].id
                return self._move_all(place, key, found)
            self._place, self._after = self._place + 1, ''
        return None

    @engine.retried
    def _some(self, place: db.Place, key: ProjectKeyRow) -> list[db.Envelope]:
        with self._database.reading() as connection:
            return place.some(
                connection, key.id, self._after, self._batch_size
            )

    def _move_all(
        self, place: db.Place, key: ProjectKeyRow, found: list[db.Envelope]
    ) -> int:
        pair = self._pair_of(key)
        moved = []
        for stored in found:
            bound = binding(place.kind, key.project_id, stored.id)
            try:
                moved.append(_moved(pair, stored, bound))
            except errors.Corrupt as error:
                self._leave(place, stored, error.message)
        return apply_each(
            functools.partial(self._apply, place, pair),
            moved,
            functools.partial(self._leave, place),
        )

    def _leave(self, place: db.Place, stored: db.Envelope, why: str) -> None:
        self._failed += 1
        LOG.error(
            'The %s %s cannot be rewrapped: %s', place.kind, stored.id, why
        )

    def _pair_of(self, key: ProjectKeyRow) -> _Pair:
        known = self._project_keys
        new = known.in_use(key.project_id) or self._create(key.project_id)
        pair = self._pair
        if pair is None or (pair.old_id, pair.new.id) != (key.id, new.id):
            pair = self._pair = _Pair(
                key.id, self._unwrapped(key), new, self._unwrapped(new)
            )
        return pair

    def _create(self, project_id: str) -> ProjectKeyRow:
        with self._away.asking(self._project_keys.strategy(project_id)):
            return self._project_keys.create(project_id)

    def _unwrapped(self, key: ProjectKeyRow) -> aead.Aead:
        with self._away.asking(key.master_key_id):
            return aead.Aead(self._project_keys.unwrap(key))

    @engine.retried
    def _apply(
        self, place: db.Place, pair: _Pair, moved: Sequence[db.Envelope]
    ) -> int:
        with self._database.writing() as connection:
            return sum(
                place.move(connection, pair.old_id, pair.new.id, each)
                for each in moved
            )

    def _finished(self, key: ProjectKeyRow) -> None:
        self._after_key = key.id
        self._pair = None
        now = self._clock()
        seen = self._seen.get(key.id, now)
        if self._limit is None:
            # In no pass but a later one than that which has seen the key
            # first is it deleted.
            self._limit = self._wait()
        if now - seen >= self._limit and self._delete(key.id):
            LOG.info(
                'Deleted key %s of project %s, which nothing is under',
                key.id,
                key.project_id,
            )
        else:
            self._passed[key.id] = seen

    @engine.retried
    def _delete(self, key_id: str) -> bool:
        with self._database.writing() as connection:
            return db.delete(connection, key_id)


def _moved(pair: _Pair, stored: db.Envelope, bound: bytes) -> db.Envelope:
    envelope = Envelope.decode(stored.envelope)
    record = envelope.rewrap(
        pair.old, uuid.UUID(pair.new.id), pair.new_aead, bound
    ).encode()
    # What is stored is known to open, or it is not stored.
    Envelope.decode(record).open(pair.new_aead, bound)
    return stored._replace(envelope=record)
