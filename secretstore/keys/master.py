# SPDX-License-Identifier: Apache-2.0
"""Master keys: which one is in use, and what is wrapped under each."""

from collections.abc import Mapping
import uuid

from oslo_db import exception as db_exc
from oslo_log import log as logging
from oslo_utils import timeutils

from secretstore import errors
from secretstore.crypto.binding import binding
from secretstore.db import engine
from secretstore.db import keys as rows
from secretstore.security.workflow import BaseSecurityWorkflow

LOG = logging.getLogger(__name__)

# As long as a key, because some custodians wrap nothing else.
CHECK_VALUE = b'secretstore master key check'.ljust(32, b'\0')


class MasterKeys:
    """The rows of master keys, and the strategies that guard them.

    Which key is in use is a row in the database, so that all conductors
    agree.  No strategy is called while a database connection is held.
    """

    def __init__(
        self,
        database: engine.Database,
        strategies: Mapping[str, BaseSecurityWorkflow],
        default_strategy: str,
    ) -> None:
        self._database = database
        self._strategies = strategies
        self._default = default_strategy

    def start(self) -> None:
        """Start the strategies, make the first key, verify all of them.

        Raises ``StartupError`` with one line for the operator when a key
        that is not retired is missing, unreadable or not the one that the
        database was written with.
        """
        self._start_strategies()
        if self._row_in_use() is None:
            self._create_first()
        self._verify_all()

    def verify(self) -> None:
        """As ``start``, but make nothing: for a look before the start."""
        self._start_strategies()
        self._verify_all()

    def _start_strategies(self) -> None:
        for name, strategy in self._strategies.items():
            try:
                strategy.start()
            except errors.SecretStoreError as exc:
                raise _refusal(f'Security strategy {name}', exc) from exc

    def _verify_all(self) -> None:
        for row in self._rows():
            if row.retired_at is None:
                self._verify_at_start(row)

    def stop(self) -> None:
        for strategy in self._strategies.values():
            strategy.stop()

    def check(self) -> None:
        """Raise unless the key in use can be used at this moment."""
        row = self.in_use()
        self._strategy(row).check()
        self._verify(row)

    def in_use(self) -> rows.MasterKeyRow:
        """The key under which new project keys are wrapped."""
        row = self._row_in_use()
        if row is None:
            raise errors.MasterKeyNotFound('No master key is in use')
        return row

    def wrap(
        self, row: rows.MasterKeyRow, key: bytes, context: bytes
    ) -> bytes:
        return self._strategy(row).wrap(row.reference, key, context)

    def unwrap(
        self, row: rows.MasterKeyRow, wrapped: bytes, context: bytes
    ) -> bytes:
        return self._strategy(row).unwrap(row.reference, wrapped, context)

    def _create_first(self) -> None:
        strategy = self._strategies[self._default]
        key_id = str(uuid.uuid4())
        try:
            reference = strategy.create_master_key()
            check_value = strategy.wrap(
                reference, CHECK_VALUE, _check_context(key_id)
            )
        except errors.SecretStoreError as exc:
            raise _refusal('The first master key cannot be made', exc) from exc
        mine = rows.MasterKeyRow(
            id=key_id,
            strategy=self._default,
            reference=reference,
            check_value=check_value,
            in_use=True,
            created_at=timeutils.utcnow(),
            retired_at=None,
        )
        # Any other failure leaves the key where it is: whether the row was
        # committed is then unknown, and a key too many harms nobody.
        try:
            self._add(mine)
        except db_exc.DBDuplicateEntry:
            if self.in_use().id != key_id:
                self._destroy_unused(mine)
                return
        LOG.info(
            'Made the first master key %s: strategy %s, reference %s',
            key_id,
            self._default,
            reference,
        )

    def _destroy_unused(self, row: rows.MasterKeyRow) -> None:
        """Another process was first; nothing was wrapped under ours."""
        try:
            self._strategy(row).destroy_master_key(row.reference)
        except errors.SecretStoreError as exc:
            LOG.warning(
                'A master key that nothing uses could not be removed; '
                'strategy %s, reference %s: %s',
                row.strategy,
                row.reference,
                exc,
            )

    def _verify_at_start(self, row: rows.MasterKeyRow) -> None:
        about = (
            f'Master key {row.id} (strategy {row.strategy}, reference '
            f'{row.reference})'
        )
        try:
            self._verify(row)
        except errors.Corrupt as exc:
            raise errors.StartupError(
                f'{about} is not the key that this database was written '
                f'with: restore the right one. {_line(exc)}'
            ) from exc
        except errors.SecretStoreError as exc:
            raise _refusal(about, exc) from exc

    def _verify(self, row: rows.MasterKeyRow) -> None:
        value = self.unwrap(row, row.check_value, _check_context(row.id))
        if value != CHECK_VALUE:
            raise errors.Corrupt(
                f'Master key {row.id} does not give its check value back'
            )

    def _strategy(self, row: rows.MasterKeyRow) -> BaseSecurityWorkflow:
        strategy = self._strategies.get(row.strategy)
        if strategy is None:
            # Another conductor, configured otherwise, may well have it.
            raise errors.MasterKeyUnavailable(
                f'Master key {row.id} is guarded by security strategy '
                f'{row.strategy}, which is not enabled: add it to '
                f'enabled_security_strategies and restart'
            )
        return strategy

    @engine.retried
    def _row_in_use(self) -> rows.MasterKeyRow | None:
        with self._database.reading() as connection:
            return rows.master_key_in_use(connection)

    @engine.retried
    def _rows(self) -> list[rows.MasterKeyRow]:
        with self._database.reading() as connection:
            return list(rows.master_keys(connection))

    @engine.retried
    def _add(self, row: rows.MasterKeyRow) -> None:
        with self._database.writing() as connection:
            rows.add_master_key(connection, row)


def _check_context(key_id: str) -> bytes:
    return binding('master key check', '', key_id)


def _refusal(about: str, exc: errors.SecretStoreError) -> errors.StartupError:
    return errors.StartupError(f'{about}: {_line(exc)}')


def _line(exc: errors.SecretStoreError) -> str:
    return ' '.join(exc.message.split())
