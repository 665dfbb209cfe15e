# SPDX-License-Identifier: Apache-2.0
"""Containers: named sets of secrets of one project."""

from collections.abc import Sequence
import uuid

from oslo_db import exception as db_exception
from sqlalchemy import Connection

from secretstore import errors
from secretstore.conductor import access, views
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of, utcnow
from secretstore.context import RequestContext
from secretstore.db import containers as db_containers
from secretstore.db.consumers import OF_CONTAINERS
from secretstore.db.containers import ContainerRow
from secretstore.db.engine import Database, retried
from secretstore.db.quotas import Limits
from secretstore.policies import containers as policy
from secretstore.rpc.interface import (
    ContainerQuery,
    ContainerSecret,
    ContainerView,
    NewContainer,
    Page,
)

ONLY_GENERIC = "Only 'generic' containers can be modified."
NO_SUCH_SECRET = "Secret provided doesn't exist."
NOT_A_MEMBER = 'Secret provided is not in the container'
IS_A_MEMBER = (
    'Conflict. A secret with that name and ID is already stored in this '
    'container. The same secret can exist in a container as long as the name '
    'is unique.'
)


def not_found() -> errors.NotFound:
    """The same words for a container that is gone or never was."""
    return errors.NotFound('Secrets container not found.')


def load_views(
    connection: Connection, rows: Sequence[ContainerRow]
) -> list[ContainerView]:
    """Containers with all that is in them, in two statements."""
    ids = [row.id for row in rows]
    members = db_containers.members(connection, ids)
    consumers = OF_CONTAINERS.of(connection, ids)
    return [
        views.container(row, members[row.id], consumers[row.id])
        for row in rows
    ]


class ContainerManager:
    """Implements :class:`secretstore.rpc.interface.Containers`."""

    def __init__(
        self, database: Database, authorization: Authorization, limits: Limits
    ) -> None:
        self._database = database
        self._authorization = authorization
        self._limits = limits

    def create(self, context: RequestContext, container: NewContainer) -> str:
        self._authorization.require(context, policy.CREATE, {})
        now = utcnow()
        row = ContainerRow(
            id=str(uuid.uuid4()),
            project_id=project_of(context),
            creator_id=context.user_id,
            name=container['name'],
            type=container['type'],
            created_at=now,
            updated_at=now,
        )
        self._insert(row, container['secrets'])
        return row.id

    @retried
    def _insert(
        self, row: ContainerRow, members: Sequence[ContainerSecret]
    ) -> None:
        try:
            with self._database.writing() as connection:
                _require_secrets(connection, row.project_id, members)
                db_containers.insert(connection, row, members, self._limits)
        except db_exception.DBReferenceError as error:
            # Deleted between the two statements: the next look will tell
            # which, and nothing was stored.
            raise errors.NotFound(NO_SUCH_SECRET) from error
        except db_exception.DBDuplicateEntry:
            # The id is ours alone: an earlier try whose answer was lost did
            # commit.
            return

    @retried
    def get(self, context: RequestContext, container_id: str) -> ContainerView:
        with self._database.reading() as connection:
            row = self._authorized(
                connection, context, container_id, policy.GET
            )
            (view,) = load_views(connection, [row])
        return view

    def _authorized(
        self,
        connection: Connection,
        context: RequestContext,
        container_id: str,
        rule: str,
        lock: bool = False,
    ) -> ContainerRow:
        find = db_containers.lock if lock else db_containers.get
        row = find(connection, container_id)
        if row is None:
            raise not_found()
        target = access.to_container(connection, context, row)
        self._authorization.require(context, rule, target)
        return row

    @retried
    def page(
        self, context: RequestContext, query: ContainerQuery
    ) -> Page[ContainerView]:
        self._authorization.require(context, policy.LIST, {})
        with self._database.reading() as connection:
            rows, total = db_containers.page(
                connection,
                project_of(context),
                db_containers.Page(
                    query['limit'], query['offset'], marker=query['marker']
                ),
                query['name'],
                query['type'],
            )
            return Page(load_views(connection, rows), total)

    @retried
    def delete(self, context: RequestContext, container_id: str) -> None:
        with self._database.reading() as connection:
            row = self._authorized(
                connection, context, container_id, policy.DELETE
            )
        # When it is gone by now, somebody else was faster, or this is the
        # second try of a delete whose answer was lost: both mean success.
        self._remove(row)

    @retried
    def _remove(self, row: ContainerRow) -> None:
        try:
            with self._database.writing() as connection:
                db_containers.delete(connection, row)
        except db_exception.DBReferenceError:
            with self._database.writing() as connection:
                OF_CONTAINERS.forget(connection, [row.id])
                db_containers.delete(connection, row)

    @retried
    def add_secret(
        self,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
    ) -> None:
        try:
            with self._database.writing() as connection:
                self._change(connection, context, container_id, secret, True)
        except db_exception.DBReferenceError as error:
            raise errors.NotFound(NO_SUCH_SECRET) from error

    @retried
    def remove_secret(
        self,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
    ) -> None:
        with self._database.writing() as connection:
            self._change(connection, context, container_id, secret, False)

    def _change(
        self,
        connection: Connection,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
        add: bool,
    ) -> None:
        rule = policy.ADD_SECRET if add else policy.DELETE_SECRET
        row = self._authorized(connection, context, container_id, rule, True)
        if row.type != 'generic':
            raise errors.InvalidInput(ONLY_GENERIC)
        now = utcnow()
        if not db_containers.present(
            connection, row.project_id, [secret.secret_id], now
        ):
            raise errors.NotFound(NO_SUCH_SECRET)
        if add:
            if not db_containers.add_member(connection, row.id, secret, now):
                raise errors.Conflict(IS_A_MEMBER)
        elif not db_containers.remove_member(connection, row.id, secret, now):
            raise errors.NotFound(NOT_A_MEMBER)


def _require_secrets(
    connection: Connection,
    project_id: str,
    members: Sequence[ContainerSecret],
) -> None:
    wanted = {member.secret_id for member in members}
    found = db_containers.present(connection, project_id, wanted, utcnow())
    for member in members:
        if member.secret_id not in found:
            raise errors.NotFound(
                f"Secret provided for '{member.name}' doesn't exist."
            )
