# SPDX-License-Identifier: Apache-2.0
"""Access lists of secrets and of containers: who may read them."""

from collections.abc import Callable, Collection, Iterator
import contextlib
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from secretstore import errors
from secretstore.conductor import access, containers, secrets, targets
from secretstore.conductor.authorization import Authorization, Target
from secretstore.conductor.common import utcnow
from secretstore.context import RequestContext
from secretstore.db import acls as db_acls
from secretstore.db.engine import Database, retried
from secretstore.policies import acls as policy
from secretstore.rpc.interface import AclView, NewAcl


class Kind(NamedTuple):
    """What differs between the lists of secrets and those of containers."""

    stored: db_acls.Acls
    not_found: Callable[[], errors.NotFound]
    target: Callable[[targets.Shared, bool], Target]
    target_of: Callable[[Connection, RequestContext, access.Listed], Target]
    get: str
    put: str
    delete: str


OF_SECRETS = Kind(
    db_acls.OF_SECRETS,
    secrets.not_found,
    targets.secret_target,
    access.to_secret,
    policy.SECRET_GET,
    policy.SECRET_PUT,
    policy.SECRET_DELETE,
)
OF_CONTAINERS = Kind(
    db_acls.OF_CONTAINERS,
    containers.not_found,
    targets.container_target,
    access.to_container,
    policy.CONTAINER_GET,
    policy.CONTAINER_PUT,
    policy.CONTAINER_DELETE,
)


class AclManager:
    """Implements :class:`secretstore.rpc.interface.Acls` for one kind."""

    def __init__(
        self,
        database: Database,
        authorization: Authorization,
        kind: Kind,
        at_most: int,
    ) -> None:
        """at_most is how many users a list may name."""
        self._database = database
        self._authorization = authorization
        self._kind = kind
        self._at_most = at_most

    @retried
    def get(self, context: RequestContext, object_id: str) -> AclView | None:
        kind = self._kind
        with self._database.reading() as connection:
            found = kind.stored.get(connection, object_id, utcnow())
        if found is None:
            raise kind.not_found()
        row, users = found
        self._authorization.require(
            context, kind.get, kind.target(row, context.user_id in users)
        )
        return _view(row, users)

    @retried
    def replace(
        self, context: RequestContext, object_id: str, acl: NewAcl
    ) -> None:
        now = utcnow()
        users, shared = acl['users'], acl['project_access']
        with self._locked(context, object_id, now, self._kind.put) as (
            connection,
            row,
        ):
            self._require_few(users)
            if users is None and shared is None:
                self._kind.stored.remove(connection, row)
                return
            self._kind.stored.put(
                connection, row, shared is not False, users or (), now
            )

    @retried
    def update(
        self, context: RequestContext, object_id: str, acl: NewAcl
    ) -> None:
        now = utcnow()
        users, shared = acl['users'], acl['project_access']
        with self._locked(context, object_id, now, self._kind.put) as (
            connection,
            row,
        ):
            self._require_few(users)
            if users is None and shared is None:
                return
            if shared is None:
                shared = row.acl_project_access is not False
            self._kind.stored.put(connection, row, shared, users, now)

    @retried
    def delete(self, context: RequestContext, object_id: str) -> None:
        with self._locked(context, object_id, utcnow(), self._kind.delete) as (
            connection,
            row,
        ):
            self._kind.stored.remove(connection, row)

    def _require_few(self, users: Collection[str] | None) -> None:
        if len(users or ()) > self._at_most:
            raise errors.InvalidInput(
                f'An access list names at most {self._at_most} users.'
            )

    @contextlib.contextmanager
    def _locked(
        self,
        context: RequestContext,
        object_id: str,
        now: datetime,
        rule: str,
    ) -> Iterator[tuple[Connection, db_acls.AclRow]]:
        """A transaction of somebody who may do this to the object.

        The object is locked: changes at a time follow each other, and none
        comes to an object that is being deleted.
        """
        kind = self._kind
        with self._database.writing() as connection:
            row = kind.stored.lock(connection, object_id, now)
            if row is None:
                raise kind.not_found()
            self._authorization.require(
                context, rule, kind.target_of(connection, context, row)
            )
            yield connection, row


def _view(row: db_acls.AclRow, users: list[str]) -> AclView | None:
    project_access, created, updated = row[3:]
    if project_access is None or created is None or updated is None:
        return None
    return {
        'users': users,
        'project_access': project_access,
        'created': created,
        'updated': updated,
    }
