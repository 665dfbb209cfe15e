# SPDX-License-Identifier: Apache-2.0
"""The enabled security strategies, as the API speaks of them."""

import uuid

from oslo_config import cfg
from oslo_db import exception as db_exception

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of, utcnow
from secretstore.context import RequestContext
from secretstore.db import keys as db_keys
from secretstore.db import secret_stores as db_stores
from secretstore.db.engine import Database, retried
from secretstore.db.secret_stores import SecretStoreRow
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.policies import secretstores as policy
from secretstore.rpc.interface import SecretStoreView

NOT_ENABLED = (
    'Not Found. Multiple backends support is not enabled in service '
    'configuration.'
)
NO_SUCH_STORE = 'Not Found. Secret store not found.'
NONE_PREFERRED = (
    'Not Found. No preferred secret store defined for this project.'
)


class SecretStoreManager:
    """Implements :class:`secretstore.rpc.interface.SecretStores`."""

    def __init__(
        self,
        database: Database,
        keys: KeyHierarchy,
        authorization: Authorization,
        conf: cfg.ConfigOpts,
    ) -> None:
        self._database = database
        self._keys = keys
        self._authorization = authorization
        self._configured: str = conf.security_strategy
        # In the order of the configuration.
        self._strategies = list(
            dict.fromkeys(
                [self._configured, *conf.enabled_security_strategies]
            )
        )

    def all(self, context: RequestContext) -> list[SecretStoreView]:
        self._authorization.require(context, policy.LIST, {})
        return [self._view(row) for row in self._stores()]

    def get(self, context: RequestContext, store_id: str) -> SecretStoreView:
        row = self._store(store_id)
        self._authorization.require(context, policy.GET, {})
        return self._view(row)

    def get_default(self, context: RequestContext) -> SecretStoreView:
        self._authorization.require(context, policy.DEFAULT, {})
        return self._view(self._stores()[0])

    def get_preferred(self, context: RequestContext) -> SecretStoreView:
        self._authorization.require(context, policy.PREFERRED, {})
        self._require_several()
        row = self._preferred(project_of(context))
        if row is None:
            raise errors.NotFound(NONE_PREFERRED)
        return self._view(self._store(row.id))

    @retried
    def _preferred(self, project_id: str) -> SecretStoreRow | None:
        with self._database.reading() as connection:
            return db_stores.preferred(connection, project_id)

    @retried
    def prefer(self, context: RequestContext, store_id: str) -> None:
        row = self._store(store_id)
        self._authorization.require(context, policy.SET_PREFERRED, {})
        project_id = project_of(context)
        with self._database.writing() as connection:
            db_stores.prefer(connection, project_id, row.id)
        self._keys.forget_in_use(project_id)

    def unprefer(self, context: RequestContext, store_id: str) -> None:
        row = self._store(store_id)
        self._authorization.require(context, policy.UNSET_PREFERRED, {})
        project_id = project_of(context)
        preferred = self._preferred(project_id)
        if preferred is None or preferred.id != row.id:
            raise errors.NotFound(NONE_PREFERRED)
        # When it is preferred no longer, somebody else was faster, or this
        # is the second try of one whose answer was lost.
        self._unprefer(project_id, row.id)
        self._keys.forget_in_use(project_id)

    @retried
    def _unprefer(self, project_id: str, store_id: str) -> None:
        with self._database.writing() as connection:
            db_stores.unprefer(connection, project_id, store_id)
            default = db_keys.default_strategy(connection) or self._configured
            db_keys.retire_keys_of_others(connection, project_id, default)

    def _require_several(self) -> None:
        if len(self._strategies) < 2:
            raise errors.NotFound(NOT_ENABLED)

    def _store(self, store_id: str) -> SecretStoreRow:
        for row in self._stores():
            if row.id == store_id:
                return row
        raise errors.NotFound(NO_SUCH_STORE)

    def _stores(self) -> list[SecretStoreRow]:
        """Those that are enabled, the default first.

        Each gets its row when it is first seen.
        """
        self._require_several()
        known = self._known()
        missing = [name for name in self._strategies if name not in known]
        if missing:
            for strategy in missing:
                self._add(strategy)
            known = self._known()
        stores = [known[name] for name in self._strategies]
        if not any(store.global_default for store in stores):
            stores[0] = stores[0]._replace(global_default=True)
        return sorted(stores, key=lambda store: not store.global_default)

    @retried
    def _known(self) -> dict[str, SecretStoreRow]:
        with self._database.reading() as connection:
            rows = db_stores.get_all(connection)
        return {row.strategy: row for row in rows}

    def _add(self, strategy: str) -> None:
        now = utcnow()
        row = SecretStoreRow(str(uuid.uuid4()), strategy, now, now)
        try:
            self._insert(row)
        except db_exception.DBDuplicateEntry:
            # Another process was faster, or our own first try did commit.
            return

    @retried
    def _insert(self, row: SecretStoreRow) -> None:
        with self._database.writing() as connection:
            db_stores.add(connection, row)

    @staticmethod
    def _view(row: SecretStoreRow) -> SecretStoreView:
        return {
            'id': row.id,
            'name': row.strategy,
            'global_default': row.global_default,
            'created': row.created_at,
            'updated': row.updated_at,
        }
