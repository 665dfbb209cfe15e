# SPDX-License-Identifier: Apache-2.0
"""Consumers of secrets."""

from collections.abc import Sequence

from sqlalchemy import Connection

from secretstore.conductor import access, secrets, views
from secretstore.conductor.authorization import Target
from secretstore.conductor.common import utcnow
from secretstore.conductor.consumers import Manager, Rules
from secretstore.context import RequestContext
from secretstore.db import consumers as db_consumers
from secretstore.db import secrets as db_secrets
from secretstore.db.consumers import ConsumerRow
from secretstore.db.secrets import SecretRow
from secretstore.policies import consumers as policy
from secretstore.rpc.interface import (
    NewSecretConsumer,
    Page,
    PageQuery,
    SecretConsumerView,
    SecretView,
)


class SecretConsumerManager(Manager[SecretRow, SecretView]):
    """Implements :class:`secretstore.rpc.interface.SecretConsumers`."""

    _consumers = db_consumers.OF_SECRETS
    _rules = Rules(
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
            raise secrets.not_found()
        return row

    def _target(
        self, connection: Connection, context: RequestContext, row: SecretRow
    ) -> Target:
        return access.to_secret(connection, context, row)

    def _view(
        self,
        connection: Connection,
        row: SecretRow,
        known: Sequence[ConsumerRow],
        added: ConsumerRow | None = None,
    ) -> SecretView:
        if added is not None:
            row = row._replace(updated_at=added.created_at)
        return views.secret(row, known)

    def add(
        self,
        context: RequestContext,
        secret_id: str,
        consumer: NewSecretConsumer,
    ) -> SecretView:
        new = self._new(context, secret_id, *_fields(consumer))
        return self._add(context, new)

    def remove(
        self,
        context: RequestContext,
        secret_id: str,
        consumer: NewSecretConsumer,
    ) -> SecretView:
        return self._remove(context, secret_id, *_fields(consumer))

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
