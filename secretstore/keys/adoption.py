# SPDX-License-Identifier: Apache-2.0
"""A key that somebody else made with a custodian becomes a master key."""

from oslo_db import exception as db_exc
from oslo_log import log as logging

from secretstore import errors
from secretstore.db import engine
from secretstore.db import keys as rows
from secretstore.db import rotation as db
from secretstore.db.keys import MasterKeyRow
from secretstore.keys.master import MasterKeys
from secretstore.keys.rotation import state_of

LOG = logging.getLogger(__name__)

# How often the key in use may be replaced meanwhile.
_ATTEMPTS = 5


class Adoption:
    """As a rotation, with a key that is there already.

    Thread safe, in any number of processes at a time.  A key is never
    destroyed because its adoption failed: it is not ours.
    """

    def __init__(
        self, database: engine.Database, master_keys: MasterKeys
    ) -> None:
        self._database = database
        self._master_keys = master_keys

    def adopt(self, strategy: str, name: str) -> MasterKeyRow:
        """Use this key from now on; nothing happens when it is in use.

        :param name: what the custodian calls it
        :raises Conflict: when it was a master key before
        :raises InvalidInput: when the strategy cannot use it; says why
        """
        if strategy not in self._master_keys.enabled:
            raise errors.InvalidInput(
                f'Security strategy {strategy} is not enabled here'
            )
        reference = self._master_keys.strategy(strategy).find_master_key(name)
        made: MasterKeyRow | None = None
        for _ in range(_ATTEMPTS):
            old, known = self._present(strategy, reference)
            if known is not None:
                return _if_in_use(known)
            made = made or self._master_keys.make(strategy, reference)
            if self._use(old, made):
                LOG.info('Master key %s is %s', made.id, reference)
                return made
        raise errors.BeingChanged(
            f'The master keys of security strategy {strategy} are being '
            f'changed'
        )

    @engine.retried
    def _present(
        self, strategy: str, reference: str
    ) -> tuple[MasterKeyRow | None, MasterKeyRow | None]:
        """The key in use, and this one if it is a master key."""
        with self._database.reading() as connection:
            # First: who takes its place later is noticed by _use().
            old = rows.master_key_in_use(connection, strategy)
            every = rows.master_keys(connection)
        same = [
            row
            for row in every
            if (row.strategy, row.reference) == (strategy, reference)
        ]
        return old, same[0] if same else None

    def _use(self, old: MasterKeyRow | None, new: MasterKeyRow) -> bool:
        """False when another key is in use than the old one."""
        try:
            return self._stored(old, new)
        except db_exc.DBDuplicateEntry:
            # Another was faster, or our own first try did commit.
            return False

    @engine.retried
    def _stored(self, old: MasterKeyRow | None, new: MasterKeyRow) -> bool:
        with self._database.writing() as connection:
            if old is not None:
                return db.replace_master_key(connection, old.id, new)
            rows.add_master_key(connection, new)
            return True


def _if_in_use(row: MasterKeyRow) -> MasterKeyRow:
    if row.in_use:
        return row
    raise errors.Conflict(
        f'This key is master key {row.id} already, which is '
        f'{state_of(row)}: a key is used once'
    )
