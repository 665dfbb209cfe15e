# SPDX-License-Identifier: Apache-2.0
"""Consumers of secrets and of containers.

Whoever adds one locks the parent's row first: either the consumer is there
before the parent is deleted, or the parent is gone before it is added.
"""

import abc
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar
import uuid

from sqlalchemy import Connection

from secretstore import errors
from secretstore.conductor import access
from secretstore.conductor.authorization import Authorization, Target
from secretstore.conductor.common import project_of, utcnow
from secretstore.context import RequestContext
from secretstore.crypto.binding import digest
from secretstore.db import consumers as db_consumers
from secretstore.db.consumers import ConsumerRow
from secretstore.db.engine import Database, retried
from secretstore.db.quotas import Limits
from secretstore.rpc.interface import PageQuery

NOT_FOUND = 'Consumer not found.'
NOT_YOURS = 'Not Allowed. Sorry, only the creator of a consumer can delete it.'

P = TypeVar('P', bound=access.Listed)
V = TypeVar('V')


class Rules(NamedTuple):
    """The policies that consumers of one kind go by."""

    get: str
    list: str
    add: str
    delete: str


class Manager(abc.ABC, Generic[P, V]):
    """What consumers of both kinds have in common.

    P is a parent's row, V what is told of a parent with its consumers.
    """

    _consumers: db_consumers.Consumers
    _rules: Rules

    def __init__(
        self,
        database: Database,
        authorization: Authorization,
        limits: Limits,
        at_most: int,
    ) -> None:
        """at_most is how many consumers a parent may have."""
        self._database = database
        self._authorization = authorization
        self._limits = limits
        self._at_most = at_most

    @abc.abstractmethod
    def _find(self, connection: Connection, parent_id: str, lock: bool) -> P:
        """The parent; NotFound when there is none."""

    @abc.abstractmethod
    def _target(
        self, connection: Connection, context: RequestContext, row: P
    ) -> Target: ...

    @abc.abstractmethod
    def _view(
        self,
        connection: Connection,
        row: P,
        known: Sequence[ConsumerRow],
        added: ConsumerRow | None = None,
    ) -> V:
        """What is told of a parent; the one just added tells when."""

    def _authorized(
        self,
        connection: Connection,
        context: RequestContext,
        parent_id: str,
        rule: str,
        lock: bool = False,
    ) -> P:
        row = self._find(connection, parent_id, lock)
        target = self._target(connection, context, row)
        self._authorization.require(context, rule, target)
        return row

    def _new(
        self, context: RequestContext, parent_id: str, *fields: str
    ) -> ConsumerRow:
        now = utcnow()
        return ConsumerRow(
            id=str(uuid.uuid4()),
            parent_id=parent_id,
            project_id=project_of(context),
            digest=digest(*fields),
            fields=fields,
            created_at=now,
            updated_at=now,
        )

    @retried
    def _add(self, context: RequestContext, new: ConsumerRow) -> V:
        parent_id = new.parent_id
        with self._database.writing() as connection:
            row = self._authorized(
                connection, context, parent_id, self._rules.add, lock=True
            )
            known = self._consumers.of(connection, [parent_id])[parent_id]
            if any(one.digest == new.digest for one in known):
                return self._view(connection, row, known)
            if len(known) >= self._at_most:
                raise errors.QuotaReached()
            view = self._view(connection, row, [*known, new], new)
            self._consumers.add(connection, new, self._limits)
        return view

    def _remove(
        self, context: RequestContext, parent_id: str, *fields: str
    ) -> V:
        return self._remove_like(context, parent_id, digest(*fields), set())

    @retried
    def _remove_like(
        self,
        context: RequestContext,
        parent_id: str,
        like: str,
        tried: set[str],
    ) -> V:
        with self._database.writing() as connection:
            row = self._authorized(
                connection, context, parent_id, self._rules.delete, lock=True
            )
            known = self._consumers.of(connection, [parent_id])[parent_id]
            found = [one for one in known if one.digest == like]
            # What an earlier try did remove, though its answer was lost,
            # is gone as it should be.
            if not found and not tried:
                raise errors.NotFound(NOT_FOUND)
            for one in found:
                _require_owner(context, row, one)
                tried.add(one.id)
                self._consumers.remove(connection, one)
            rest = [one for one in known if one not in found]
            return self._view(connection, row, rest)

    @retried
    def _get(
        self, context: RequestContext, parent_id: str, consumer_id: str
    ) -> ConsumerRow:
        with self._database.reading() as connection:
            self._authorized(connection, context, parent_id, self._rules.get)
            found = self._consumers.get(connection, parent_id, consumer_id)
        if found is None:
            raise errors.NotFound(NOT_FOUND)
        return found

    @retried
    def _page(
        self, context: RequestContext, parent_id: str, query: PageQuery
    ) -> tuple[Sequence[ConsumerRow], int]:
        with self._database.reading() as connection:
            self._authorized(connection, context, parent_id, self._rules.list)
            return self._consumers.page(
                connection,
                parent_id,
                db_consumers.Page(
                    query['limit'], query['offset'], marker=query['marker']
                ),
            )


def _require_owner(
    context: RequestContext, parent: access.Listed, consumer: ConsumerRow
) -> None:
    """Whom an access list lets in may remove what is their own."""
    if context.project_id not in (consumer.project_id, parent.project_id):
        raise errors.NotOwner(NOT_YOURS)
