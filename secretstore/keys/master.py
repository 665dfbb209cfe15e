# SPDX-License-Identifier: Apache-2.0
"""Master keys: which one is in use, and what is wrapped under each."""

from collections.abc import Callable, Iterator, Mapping
import contextlib
from typing import TypeVar
import uuid

from oslo_db import exception as db_exc
from oslo_log import log as logging
from oslo_utils import timeutils
import sqlalchemy as sa

from secretstore import errors
from secretstore.crypto.binding import binding
from secretstore.db import engine
from secretstore.db import keys as rows
from secretstore.keys import startup
from secretstore.keys.moving import Away
from secretstore.keys.outages import Outages
from secretstore.metrics import record
from secretstore.security.workflow import BaseSecurityWorkflow

LOG = logging.getLogger(__name__)

T = TypeVar('T')

# As long as a key, because some custodians wrap nothing else.
CHECK_VALUE = b'secretstore master key check'.ljust(32, b'\0')


class MasterKeys:
    """The rows of master keys, and the strategies that guard them.

    Which key of a strategy is in use is a row in the database, so that all
    conductors agree.  No strategy is called while a database connection is
    held.
    """

    def __init__(
        self,
        database: engine.Database,
        strategies: Mapping[str, BaseSecurityWorkflow],
        default_strategy: str,
    ) -> None:
        self._database = database
        self._strategies = strategies
        self._configured = default_strategy
        self._outages = Outages()

    def start(self) -> None:
        """Start the strategies, make the first key, verify all of them.

        The first key of the default strategy, that is; one of another is
        made when it is needed.  Raises ``StartupError`` with one line for
        the operator when a key that is not retired is missing, unreadable
        or not the one that the database was written with.
        """
        startup.start_all(self._strategies)
        self._verify_all()
        default = self.default()
        if default != self._configured:
            startup.warn_of_migrated(default, self._configured)
        if self._row_in_use(default) is None:
            try:
                self._create(default)
            except errors.SecretStoreError as exc:
                raise startup.refusal(
                    'The first master key cannot be made', exc
                ) from exc
            self._verify_all()

    def verify(self, away: Away | None = None) -> None:
        """As ``start``, and check each strategy, but make nothing.

        :param away: takes note of those that are away, which else are a
            ``StartupError``
        """
        startup.start_all(self._strategies, check=True, away=away)
        self._verify_all(away)

    def _verify_all(self, away: Away | None = None) -> None:
        startup.verify_all(self._read(rows.master_keys), self.verify_key, away)
        default = self.default()
        if default not in self._strategies:
            raise startup.not_enabled_default(default)
        for name in self._read(rows.preferred_strategies):
            if name not in self._strategies:
                raise startup.not_enabled_preferred(name)

    def stop(self) -> None:
        for strategy in self._strategies.values():
            strategy.stop()

    def check(self) -> None:
        """Raise unless a key that is needed can be used at this moment.

        The log tells of the others: one that is away is no reason to turn
        away those whose keys another guards.  What guards nothing, as after
        a migration, is not needed, unless it is for new projects.
        """
        in_use = self._read(rows.master_keys_in_use)
        if not in_use:
            raise errors.MasterKeyNotFound('No master key is in use')
        guarding, default = self._read(rows.guarding), self.default()
        needed = [
            row.strategy
            for row in in_use
            if row.id in guarding or row.strategy == default
        ]
        self._outages.check(
            in_use, needed or [in_use[0].strategy], self._check
        )

    def _check(self, row: rows.MasterKeyRow) -> None:
        with self._using(row, 'check') as strategy:
            strategy.check()
        self.verify_key(row)

    @property
    def enabled(self) -> frozenset[str]:
        """The strategies that this process has."""
        return frozenset(self._strategies)

    @engine.retried
    def default(self) -> str:
        """The strategy of projects that prefer none.

        What was migrated to, of which all conductors know, comes before what
        each is configured to.
        """
        with self._database.reading() as connection:
            return rows.default_strategy(connection) or self._configured

    def in_use(self, strategy: str | None = None) -> rows.MasterKeyRow:
        """The key under which new project keys are wrapped.

        The first one of a strategy is made, and verified, when there is
        none.

        :param strategy: None means the configured one
        """
        name = self._configured if strategy is None else strategy
        row = self._row_in_use(name)
        if row is None:
            self._create(name)
            row = self._row_in_use(name)
            if row is None:
                raise errors.BeingChanged(
                    f'The master keys of security strategy {name} are being '
                    f'changed'
                )
            self.verify_key(row)
        return row

    @engine.retried
    def get(self, key_id: str) -> rows.MasterKeyRow | None:
        with self._database.reading() as connection:
            return rows.master_key(connection, key_id)

    def wrap(
        self, row: rows.MasterKeyRow, key: bytes, context: bytes
    ) -> bytes:
        with self._using(row, 'wrap') as strategy:
            return strategy.wrap(row.reference, key, context)

    def unwrap(
        self, row: rows.MasterKeyRow, wrapped: bytes, context: bytes
    ) -> bytes:
        with self._using(row, 'unwrap') as strategy:
            return strategy.unwrap(row.reference, wrapped, context)

    @contextlib.contextmanager
    def _using(
        self, row: rows.MasterKeyRow, operation: str
    ) -> Iterator[BaseSecurityWorkflow]:
        """What guards the key, while the call of it is measured."""
        strategy = self.strategy(row.strategy, f'Master key {row.id}')
        with record.strategy_call(row.strategy, operation):
            yield strategy

    def make(
        self, name: str, reference: str | None = None
    ) -> rows.MasterKeyRow:
        """Have a strategy make a key, and see that it works.

        It is for the caller to store the row.  A new key that does not work
        is removed again; one whose row is not stored stays with its
        custodian, where it harms nobody.

        :param reference: of a key to take in place of a new one
        """
        row = rows.MasterKeyRow(
            id=str(uuid.uuid4()),
            strategy=name,
            reference=reference or self._new_reference(name),
            check_value=b'',
            in_use=True,
            created_at=timeutils.utcnow(),
            retired_at=None,
        )
        try:
            row = row._replace(
                check_value=self.wrap(row, CHECK_VALUE, _check_context(row.id))
            )
            self.verify_key(row)
        except errors.SecretStoreError:
            if reference is None:
                self.destroy_unused(row)
            raise
        return row

    def _new_reference(self, strategy: str) -> str:
        found = self.strategy(strategy)
        with record.strategy_call(strategy, 'create_master_key'):
            return found.create_master_key()

    def _create(self, name: str) -> None:
        """Make a strategy's first key, unless another process is faster."""
        mine = self.make(name)
        # Any other failure leaves the key where it is: whether the row was
        # committed is then unknown, and a key too many harms nobody.
        try:
            self._add(mine)
        except db_exc.DBDuplicateEntry:
            winner = self._row_in_use(name)
            if winner is None or winner.id != mine.id:
                self.destroy_unused(mine)
                return
        LOG.info(
            'Made the first master key %s: strategy %s, reference %s',
            mine.id,
            name,
            mine.reference,
        )

    def destroy_unused(self, row: rows.MasterKeyRow) -> None:
        """Destroy it, unless a COMMIT without an answer has stored it."""
        try:
            if self.get(row.id) is None:
                self.destroy(row)
        except errors.SecretStoreError as exc:
            LOG.warning(
                'A master key that nothing uses could not be removed; '
                'strategy %s, reference %s: %s',
                row.strategy,
                row.reference,
                exc,
            )

    def destroy(self, row: rows.MasterKeyRow) -> None:
        """Have the custodian remove a key for good."""
        with self._using(row, 'destroy_master_key') as strategy:
            strategy.destroy_master_key(row.reference)

    def verify_key(self, row: rows.MasterKeyRow) -> None:
        """Raise unless the custodian has the very key, and can use it."""
        value = self.unwrap(row, row.check_value, _check_context(row.id))
        if value != CHECK_VALUE:
            raise errors.Corrupt(
                f'Master key {row.id} does not give its check value back'
            )

    def strategy(
        self, name: str, what: str = 'The key'
    ) -> BaseSecurityWorkflow:
        """One that is enabled; *what* needs it says the error else."""
        strategy = self._strategies.get(name)
        if strategy is None:
            # Another conductor, configured otherwise, may well have it.
            raise errors.MasterKeyUnavailable(
                f'{what} is guarded by security strategy {name}, which is '
                f'not enabled: add it to enabled_security_strategies and '
                f'restart'
            )
        return strategy

    @engine.retried
    def _row_in_use(self, strategy: str) -> rows.MasterKeyRow | None:
        with self._database.reading() as connection:
            return rows.master_key_in_use(connection, strategy)

    @engine.retried
    def _read(self, query: Callable[[sa.Connection], T]) -> T:
        with self._database.reading() as connection:
            return query(connection)

    @engine.retried
    def _add(self, row: rows.MasterKeyRow) -> None:
        with self._database.writing() as connection:
            rows.add_master_key(connection, row)


def _check_context(key_id: str) -> bytes:
    return binding('master key check', '', key_id)
