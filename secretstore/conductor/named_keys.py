# SPDX-License-Identifier: Apache-2.0
"""Keys by name, for those who may have them."""

from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of
from secretstore.conductor.named_key_lists import Entries, NamedKeyLists
from secretstore.conductor.named_key_store import NamedKeyStore
from secretstore.context import RequestContext
from secretstore.db.engine import Database
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.policies import namedkeys as policy
from secretstore.rpc.interface import NamedKeyView, PageQuery
from secretstore.security.delivery import Key


class _Manager:
    def __init__(
        self,
        database: Database,
        keys: KeyHierarchy,
        authorization: Authorization,
        at_most: int,
    ) -> None:
        self._lists = NamedKeyLists(database, at_most)
        self._store = NamedKeyStore(database, keys, self._lists)
        self._keys = keys
        self._authorization = authorization

    def _allowed(self, context: RequestContext, rule: str) -> str:
        """The caller's project, when policy lets the caller have its keys."""
        self._authorization.require(context, rule, {})
        return project_of(context)


class BackupKeyManager(_Manager):
    """Implements :class:`secretstore.rpc.interface.BackupKeys`."""

    def get_or_create(
        self, context: RequestContext, backup_id: str, backup_name: str
    ) -> NamedKeyView:
        project_id = self._allowed(context, policy.BACKUP_PUT)
        name = self._keys.master_keys.default()
        keys = self._store.of_project(project_id, name)
        return _view(
            self._keys.master_keys.strategy(name).get_backup_encryption_key(
                keys, backup_id, backup_name
            )
        )

    def page(self, context: RequestContext, query: PageQuery) -> Entries:
        project_id = self._allowed(context, policy.BACKUP_LIST)
        return self._lists.page(project_id, 'backup', query)

    def get(self, context: RequestContext, backup_id: str) -> NamedKeyView:
        project_id = self._allowed(context, policy.BACKUP_GET)
        return _view(self._store.find(project_id, 'backup', backup_id))

    def delete(self, context: RequestContext, backup_id: str) -> None:
        project_id = self._allowed(context, policy.BACKUP_DELETE)
        self._store.delete(project_id, 'backup', backup_id)


class ReplicationUserKeyManager(_Manager):
    """Implements :class:`secretstore.rpc.interface.ReplicationUserKeys`."""

    def get_or_create(
        self, context: RequestContext, instance_id: str
    ) -> NamedKeyView:
        project_id = self._allowed(context, policy.REPLICATION_PUT)
        name = self._keys.master_keys.default()
        keys = self._store.of_project(project_id, name)
        return _view(
            self._keys.master_keys.strategy(name).get_replication_user_key(
                keys, instance_id
            )
        )

    def page(self, context: RequestContext, query: PageQuery) -> Entries:
        project_id = self._allowed(context, policy.REPLICATION_LIST)
        return self._lists.page(project_id, 'replication-user', query)

    def get(self, context: RequestContext, instance_id: str) -> NamedKeyView:
        project_id = self._allowed(context, policy.REPLICATION_GET)
        return _view(
            self._store.find(project_id, 'replication-user', instance_id)
        )

    def delete(self, context: RequestContext, instance_id: str) -> None:
        project_id = self._allowed(context, policy.REPLICATION_DELETE)
        self._store.delete(project_id, 'replication-user', instance_id)


def _view(key: Key) -> NamedKeyView:
    return {
        'object_id': key.name.object_id,
        'title': key.name.title,
        'key': key.text,
        'algorithm': key.spec.algorithm if key.spec else None,
        'mode': key.spec.mode if key.spec else None,
        'bit_length': key.spec.bit_length if key.spec else None,
        'created': key.created_at,
        'is_new': key.is_new,
    }
