# SPDX-License-Identifier: Apache-2.0
"""Master keys and project keys, for those who administer the service."""

from collections.abc import Callable, Mapping

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.context import RequestContext
from secretstore.db.keys import MasterKeyRow
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.keys.rotation import RATE_SECONDS, Rotation, state_of
from secretstore.policies import masterkeys as policy
from secretstore.rpc.interface import (
    MasterKeyProgress,
    MasterKeyView,
    ProjectKeyView,
)


class MasterKeyManager:
    """Implements :class:`secretstore.rpc.interface.MasterKeys`.

    :param wake: called when there is something to do in the background
    """

    def __init__(
        self,
        rotation: Rotation,
        authorization: Authorization,
        wake: Callable[[], None],
    ) -> None:
        self._rotation = rotation
        self._authorization = authorization
        self._wake = wake

    def progress(self, context: RequestContext) -> MasterKeyProgress:
        self._authorization.require(context, policy.GET, {})
        found = self._rotation.progress()
        return {
            'default_strategy': found.default,
            'master_keys': [
                _view(row, found.project_keys) for row in found.master_keys
            ],
            'to_rewrap': found.misplaced,
            'rewrapped': found.rewrapped,
            'rate_seconds': RATE_SECONDS,
            'replaced_project_keys': found.replaced,
            'secrets_to_rewrap': found.secrets,
            'named_keys': found.kept,
        }

    def rotate(
        self, context: RequestContext, strategy: str | None
    ) -> MasterKeyView:
        self._authorization.require(context, policy.ROTATE, {})
        return self._changed(self._rotation.rotate(strategy))

    def migrate(self, context: RequestContext, strategy: str) -> MasterKeyView:
        self._authorization.require(context, policy.MIGRATE, {})
        return self._changed(self._rotation.migrate(strategy))

    def retire(self, context: RequestContext, key_id: str) -> MasterKeyView:
        self._authorization.require(context, policy.RETIRE, {})
        return self._changed(self._rotation.retire(key_id))

    def _changed(self, row: MasterKeyRow) -> MasterKeyView:
        self._wake()
        return _view(row, self._rotation.progress().project_keys)


class ProjectKeyManager:
    """Implements :class:`secretstore.rpc.interface.ProjectKeys`.

    :param wake: called when there is something to do in the background
    """

    def __init__(
        self,
        keys: KeyHierarchy,
        authorization: Authorization,
        wake: Callable[[], None],
    ) -> None:
        self._keys = keys
        self._authorization = authorization
        self._wake = wake

    def rotate(
        self, context: RequestContext, project_id: str
    ) -> ProjectKeyView:
        self._authorization.require(context, policy.ROTATE_PROJECT, {})
        row = self._keys.project_keys.rotate(project_id)
        if row is None:
            raise errors.NotFound('This project has no key')
        self._keys.forget_in_use(project_id)
        self._wake()
        return {
            'id': row.id,
            'project_id': row.project_id,
            'master_key_id': row.master_key_id,
            'created': row.created_at,
        }


def _view(row: MasterKeyRow, counts: Mapping[str, int]) -> MasterKeyView:
    return {
        'id': row.id,
        'strategy': row.strategy,
        'reference': row.reference,
        'state': state_of(row),
        'project_keys': counts.get(row.id, 0),
        'created': row.created_at,
        'retired': row.retired_at,
        'destroyed': row.destroyed_at,
    }
