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
from secretstore.conductor import access, views
from secretstore.conductor.authorization import Authorization, Target
from secretstore.conductor.common import project_of, utcnow
from secretstore.conductor.secrets import not_found
from secretstore.context import RequestContext
from secretstore.crypto.binding import digest
from secretstore.db import consumers as db_consumers
from secretstore.db import secrets as db_secrets
from secretstore.db.consumers import ConsumerRow
from secretstore.db.engine import Database, retried
from secretstore.db.quotas import Limits
from secretstore.db.secrets import SecretRow
from secretstore.policies import consumers as policy
from secretstore.rpc.interface import (
    NewSecretConsumer,
    Page,
    PageQuery,
    SecretConsumerView,
    SecretView,
)

NOT_FOUND = 'Consumer not found.'
NOT_YOURS = 'Not Allowed. Sorry, only the creator of a consumer can delete it.'

P = TypeVar('P', bound=access.Listed)


class _Rules(NamedTuple):
    get: str
    list: str
    add: str
    delete: str


class _Manager(abc.ABC, Generic[P]):
    """What consumers of both kinds have in common; P is a parent's row."""

    _consumers: db_consumers.Consumers
    _rules: _Rules

    def __init__(
        self, database: Database, authorization: Authorization, limits: Limits
    ) -> None:
        self._database = database
        self._authorization = authorization
        self._limits = limits

    @abc.abstractmethod
    def _find(self, connection: Connection, parent_id: str, lock: bool) -> P:
        """The parent; NotFound when there is none."""

    @abc.abstractmethod
    def _target(
        self, connection: Connection, context: RequestContext, row: P
    ) -> Target: ...

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
    def _add(
        self, context: RequestContext, new: ConsumerRow
    ) -> tuple[P, list[ConsumerRow]]:
        """The parent and all its consumers, the new one among them."""
        parent_id = new.parent_id
        with self._database.writing() as connection:
            row = self._authorized(
                connection, context, parent_id, self._rules.add, lock=True
            )
            known = self._consumers.of(connection, [parent_id])[parent_id]
            if all(consumer.digest != new.digest for consumer in known):
                self._consumers.add(connection, new, self._limits)
                known.append(new)
                row = self._updated(row, new)
        return row, known

    @abc.abstractmethod
    def _updated(self, row: P, new: ConsumerRow) -> P:
        """The parent's row as it is after adding a consumer."""

    def _remove(
        self, context: RequestContext, parent_id: str, *fields: str
    ) -> tuple[P, list[ConsumerRow]]:
        """The parent and the consumers that remain."""
        return self._remove_like(context, parent_id, digest(*fields), set())

    @retried
    def _remove_like(
        self,
        context: RequestContext,
        parent_id: str,
        like: str,
        tried: set[str],
    ) -> tuple[P, list[ConsumerRow]]:
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
        return row, [one for one in known if one not in found]

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


class SecretConsumerManager(_Manager[SecretRow]):
    """Implements :class:`secretstore.rpc.interface.SecretConsumers`."""

    _consumers = db_consumers.OF_SECRETS
    _rules = _Rules(
        get=policy.SECRET_GET,
        list=policy.SECRET_LIST,
        add=policy.SECRET_ADD,
        delete=policy.SECRET_DELETE,
    )

    def _find(
        self, connection: Connection, parent_id: str, lock: bool
    ) -> SecretRow:
        find = db_secrets.lock if lock else db_secrets.get
        row = find(connection, parent_id, utcnow())
        if row is None:
            raise not_found()
        return row

    def _target(
        self, connection: Connection, context: RequestContext, row: SecretRow
    ) -> Target:
        return access.to_secret(connection, context, row)

    def _updated(self, row: SecretRow, new: ConsumerRow) -> SecretRow:
        return row._replace(updated_at=new.created_at)

    def add(
        self,
        context: RequestContext,
        secret_id: str,
        consumer: NewSecretConsumer,
    ) -> SecretView:
        new = self._new(context, secret_id, *_fields(consumer))
        return views.secret(*self._add(context, new))

    def remove(
        self,
        context: RequestContext,
        secret_id: str,
        consumer: NewSecretConsumer,
    ) -> SecretView:
        fields = _fields(consumer)
        return views.secret(*self._remove(context, secret_id, *fields))

    def get(
        self, context: RequestContext, secret_id: str, consumer_id: str
    ) -> SecretConsumerView:
        return views.secret_consumer(
            self._get(context, secret_id, consumer_id)
        )

    def page(
        self, context: RequestContext, secret_id: str, query: PageQuery
    ) -> Page[SecretConsumerView]:
        rows, total = self._page(context, secret_id, query)
        return Page([views.secret_consumer(row) for row in rows], total)


def _fields(consumer: NewSecretConsumer) -> tuple[str, str, str]:
    return (
        consumer['service'],
        consumer['resource_type'],
        consumer['resource_id'],
    )
