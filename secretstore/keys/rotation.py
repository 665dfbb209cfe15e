# SPDX-License-Identifier: Apache-2.0
"""Master keys are replaced, moved to other strategies, and retired.

Each step is one transaction, and each may be begun again after a crash: a
call that was cut off has either done nothing that is seen, or is continued
by the same call, or by any conductor in the background.
"""

import datetime
from typing import Literal, NamedTuple
import uuid

from oslo_db import exception as db_exc
from oslo_log import log as logging
from oslo_utils import timeutils

from secretstore import errors
from secretstore.db import engine, named_keys, project_rotation
from secretstore.db import keys as rows
from secretstore.db import rotation as db
from secretstore.db import secret_stores as db_stores
from secretstore.db.keys import MasterKeyRow
from secretstore.keys.master import MasterKeys

LOG = logging.getLogger(__name__)

State = Literal['in_use', 'replaced', 'retired', 'destroyed']
# Over which the present rate of rewrapping is told.
RATE_SECONDS = 60


class Progress(NamedTuple):
    """All master keys and what is under each, at one moment.

    default is the strategy of projects that prefer none; misplaced counts the
    project keys that are still to be rewrapped, and rewrapped those that were
    within RATE_SECONDS.  secrets is how many are to be rewrapped as they are
    under one of so many replaced project keys.  kept counts the named keys
    that strategies keep themselves.
    """

    default: str
    master_keys: list[MasterKeyRow]
    project_keys: dict[str, int]
    misplaced: int
    rewrapped: int
    replaced: int
    secrets: int
    kept: dict[str, int]

    @property
    def rate(self) -> float:
        """Project keys that are rewrapped in a second, at present."""
        return self.rewrapped / RATE_SECONDS


def state_of(row: MasterKeyRow) -> State:
    if row.in_use:
        return 'in_use'
    if row.retired_at is None:
        return 'replaced'
    return 'retired' if row.destroyed_at is None else 'destroyed'


class Rotation:
    """What administrators do to master keys.

    Thread safe, in any number of processes at a time.  No strategy is called
    while a database connection is held.
    """

    def __init__(
        self, database: engine.Database, master_keys: MasterKeys
    ) -> None:
        self._database = database
        self._master_keys = master_keys

    @engine.retried
    def progress(self) -> Progress:
        """Asks no strategy."""
        since = timeutils.utcnow() - datetime.timedelta(seconds=RATE_SECONDS)
        default = self._master_keys.default()
        with self._database.reading() as connection:
            return Progress(
                default,
                rows.master_keys(connection),
                db.count_by_master_key(connection),
                db.count_misplaced(connection),
                db.count_rewrapped(connection, since),
                *project_rotation.count_replaced(connection),
                named_keys.kept_by_strategies(connection),
            )

    def rotate(self, strategy: str | None = None) -> MasterKeyRow:
        """Use a new master key of a strategy; returns the one in use then.

        Of several calls at a time one makes the key, and all return it.

        :param strategy: None: the default
        :raises InvalidInput: when it is not enabled here
        """
        name = strategy or self._master_keys.default()
        self._require_enabled(name)
        old = self._in_use(name)
        if old is None:
            return self._master_keys.in_use(name)
        new = self._master_keys.make(name)
        if self._replace(old.id, new):
            LOG.info('Master key %s is used in place of %s', new.id, old.id)
            return new
        found = self._in_use(name)
        if found is None or found.id != new.id:
            self._master_keys.destroy_unused(new)
        return found or self._master_keys.in_use(name)

    def migrate(self, strategy: str) -> MasterKeyRow:
        """Have a strategy guard the keys of all projects that prefer none.

        Returns its master key in use, made when there is none.

        :raises InvalidInput: when it is not enabled here
        """
        self._require_enabled(strategy)
        for _ in range(3):
            key = self._master_keys.in_use(strategy)
            # Nothing is to depend on a key that does not work.
            self._master_keys.verify_key(key)
            self._ensure_store(strategy)
            if self._make_default(key):
                LOG.info(
                    'Security strategy %s guards new project keys, and those '
                    'of all projects that prefer no other, under master key '
                    '%s',
                    strategy,
                    key.id,
                )
                return key
        raise errors.BeingChanged(
            f'The master keys of security strategy {strategy} are being '
            f'changed'
        )

    @engine.retried
    def retire(self, key_id: str) -> MasterKeyRow:
        """Have a master key destroyed as soon as no process can need it.

        :raises NotFound: when there is no such key
        :raises Conflict: while anything needs it; says what
        """
        default = self._master_keys.default()
        with self._database.writing() as connection:
            row = db.lock_master_key(connection, key_id)
            if row is None:
                raise errors.NotFound(f'There is no master key {key_id}')
            if row.retired_at is not None:
                return row
            count = db.count_under(connection, key_id)
            if count:
                raise errors.Conflict(
                    f'{count} project keys are still under master key '
                    f'{key_id}: see the status, and wait until they have been '
                    f'rewrapped'
                )
            if row.in_use:
                preferring = db.count_preferring(connection, row.strategy)
                # As it is now: a migration waits for the lock.
                default = rows.default_strategy(connection) or default
                _refuse_needed(row, default, preferring)
            now = timeutils.utcnow()
            db.retire(connection, key_id, now)
        LOG.info('Retired master key %s', key_id)
        return row._replace(in_use=False, retired_at=now)

    def _require_enabled(self, strategy: str) -> None:
        if strategy not in self._master_keys.enabled:
            raise errors.InvalidInput(
                f'Security strategy {strategy} is not enabled here: add it to '
                f'enabled_security_strategies of every conductor, restart '
                f'them, and try again'
            )

    @engine.retried
    def _in_use(self, strategy: str) -> MasterKeyRow | None:
        with self._database.reading() as connection:
            return rows.master_key_in_use(connection, strategy)

    @engine.retried
    def _replace(self, old_id: str, new: MasterKeyRow) -> bool:
        with self._database.writing() as connection:
            return db.replace_master_key(connection, old_id, new)

    def _ensure_store(self, strategy: str) -> None:
        now = timeutils.utcnow()
        row = db_stores.SecretStoreRow(str(uuid.uuid4()), strategy, now, now)
        try:
            self._add_store(row)
        except db_exc.DBDuplicateEntry:
            # It is there, whoever added it.
            return

    @engine.retried
    def _add_store(self, row: db_stores.SecretStoreRow) -> None:
        with self._database.writing() as connection:
            known = db_stores.get_all(connection)
            if row.strategy not in {store.strategy for store in known}:
                db_stores.add(connection, row)

    @engine.retried
    def _make_default(self, key: MasterKeyRow) -> bool:
        """False, and nothing is changed, when the key is replaced by now."""
        with self._database.writing() as connection:
            if not rows.hold_master_key(connection, key.id):
                return False
            db_stores.make_default(
                connection, key.strategy, timeutils.utcnow()
            )
        return True


def _refuse_needed(row: MasterKeyRow, default: str, preferring: int) -> None:
    if row.strategy == default:
        raise errors.Conflict(
            f'Master key {row.id} is in use: rotate, or migrate to another '
            f'strategy, before'
        )
    if preferring:
        raise errors.Conflict(
            f'Master key {row.id} is in use for {preferring} projects that '
            f'prefer the secret store of security strategy {row.strategy}'
        )
