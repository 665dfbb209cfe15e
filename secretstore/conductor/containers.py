# SPDX-License-Identifier: Apache-2.0
"""Containers: named sets of secrets of one project.

Whoever puts a secret into a container holds the secret first: it is either
deleted before, and then told to be missing, or taken out by its deletion.
"""

from collections.abc import Callable, Sequence

from oslo_db import exception as db_exception
from sqlalchemy import Connection

from secretstore import errors
from secretstore.conductor import access, repeats, views
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of, utcnow
from secretstore.context import RequestContext
from secretstore.db import containers as db_containers
from secretstore.db import secrets as db_secrets
from secretstore.db.consumers import OF_CONTAINERS
from secretstore.db.containers import ContainerRow, Member
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

NOT_GENERIC = "Only 'generic' containers can be modified."
NO_SECRET = "Secret provided doesn't exist."
NO_MEMBER = 'Secret provided is not in the container'
IS_MEMBER = (
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
        self,
        database: Database,
        authorization: Authorization,
        limits: Limits,
        at_most: int,
    ) -> None:
        """at_most is how many secrets may be in a container."""
        self._database = database
        self._authorization = authorization
        self._limits = limits
        self._at_most = at_most

    def require_create(self, context: RequestContext) -> None:
        self._authorization.require(context, policy.CREATE, {})
        project_of(context)

    def create(
        self,
        context: RequestContext,
        container: NewContainer,
        container_id: str | None = None,
    ) -> str:
        self.require_create(context)
        if len(container['secrets']) > self._at_most:
            raise errors.InvalidInput(
                f'A container has at most {self._at_most} secrets.'
            )
        now = utcnow()
        row = ContainerRow(
            id=repeats.new_id(container_id),
            project_id=project_of(context),
            creator_id=context.user_id,
            name=container['name'],
            type=container['type'],
            created_at=now,
            updated_at=now,
        )
        self._insert(row, [Member(*secret) for secret in container['secrets']])
        return row.id

    @retried
    def _insert(self, row: ContainerRow, members: Sequence[Member]) -> None:
        try:
            with self._database.writing() as connection:
                _hold(connection, row, members, _missing)
                db_containers.insert(connection, row, members, self._limits)
        except db_exception.DBDuplicateEntry:
            # An earlier try whose answer was lost did commit.
            repeats.require_container(self._database, row, members)

    @retried
    def get(self, context: RequestContext, container_id: str) -> ContainerView:
        with self._database.reading() as connection:
            # The row comes last: while it is there, so is what belongs to
            # it, and a container never shows up half deleted.
            members = db_containers.members(connection, [container_id])
            consumers = OF_CONTAINERS.of(connection, [container_id])
            row = self._authorized(
                connection, context, container_id, policy.GET
            )
        return views.container(
            row, members[container_id], consumers[container_id]
        )

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
            self._authorized(connection, context, container_id, policy.DELETE)
        # When it is gone by now, somebody else was faster, or this is the
        # second try of a delete whose answer was lost: both mean success.
        self._remove(container_id)

    @retried
    def _remove(self, container_id: str) -> None:
        with self._database.writing() as connection:
            OF_CONTAINERS.forget(connection, [container_id])
            db_containers.delete(connection, container_id)

    def add_secret(
        self,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
    ) -> None:
        member = Member(secret.secret_id, secret.name or None)
        self._add(context, container_id, member, [])

    @retried
    def _add(
        self,
        context: RequestContext,
        container_id: str,
        member: Member,
        tried: list[Member],
    ) -> None:
        with self._database.writing() as connection:
            row = self._authorized(
                connection, context, container_id, policy.ADD_SECRET, lock=True
            )
            if row.type != 'generic':
                raise errors.InvalidInput(NOT_GENERIC)
            _hold(connection, row, [member], _not_there)
            known = db_containers.members(connection, [row.id])[row.id]
            if member in known:
                # What an earlier try did add, though its answer was lost,
                # is there as it should be.
                if tried:
                    return
                raise errors.Conflict(IS_MEMBER)
            if len(known) >= self._at_most:
                raise errors.QuotaReached()
            db_containers.add_member(connection, row.id, member)
            tried.append(member)

    def remove_secret(
        self,
        context: RequestContext,
        container_id: str,
        secret: ContainerSecret,
    ) -> None:
        self._take_out(context, container_id, Member(*secret), [])

    @retried
    def _take_out(
        self,
        context: RequestContext,
        container_id: str,
        member: Member,
        tried: list[Member],
    ) -> None:
        with self._database.writing() as connection:
            self._authorized(
                connection, context, container_id, policy.DELETE_SECRET
            )
            if db_containers.remove_member(connection, container_id, member):
                tried.append(member)
            elif not tried:
                raise errors.NotFound(NO_MEMBER)

    def _authorized(
        self,
        connection: Connection,
        context: RequestContext,
        container_id: str,
        rule: str,
        lock: bool = False,
    ) -> ContainerRow:
        """The container, when the caller may do this to it."""
        find = db_containers.lock if lock else db_containers.get
        row = find(connection, container_id)
        if row is None:
            raise not_found()
        target = access.to_container(connection, context, row)
        self._authorization.require(context, rule, target)
        return row


def _hold(
    connection: Connection,
    row: ContainerRow,
    members: Sequence[Member],
    words: Callable[[Member], str],
) -> None:
    """Let all secrets stay, or raise NotFound for the first that is gone.

    Only the container's own project's secrets are there for it.
    """
    ids = {member.secret_id for member in members}
    held = db_secrets.hold(connection, row.project_id, ids, utcnow())
    for member in members:
        if member.secret_id not in held:
            raise errors.NotFound(words(member))


def _missing(member: Member) -> str:
    return f"Secret provided for '{member.name}' doesn't exist."


def _not_there(member: Member) -> str:
    return NO_SECRET
