# SPDX-License-Identifier: Apache-2.0
"""Consumers of containers."""

from collections.abc import Sequence

from sqlalchemy import Connection

from secretstore.conductor import access, containers, views
from secretstore.conductor.authorization import Target
from secretstore.conductor.consumers import Manager, Rules
from secretstore.context import RequestContext
from secretstore.db import consumers as db_consumers
from secretstore.db import containers as db_containers
from secretstore.db.consumers import ConsumerRow
from secretstore.db.containers import ContainerRow
from secretstore.policies import consumers as policy
from secretstore.rpc.interface import (
    ContainerConsumerView,
    ContainerView,
    NewContainerConsumer,
    Page,
    PageQuery,
)


class ContainerConsumerManager(Manager[ContainerRow, ContainerView]):
    """Implements :class:`secretstore.rpc.interface.ContainerConsumers`."""

    _consumers = db_consumers.OF_CONTAINERS
    _rules = Rules(
        get=policy.CONTAINER_GET,
        list=policy.CONTAINER_LIST,
        add=policy.CONTAINER_ADD,
        delete=policy.CONTAINER_DELETE,
    )

    def _find(
        self, connection: Connection, parent_id: str, lock: bool
    ) -> ContainerRow:
        find = db_containers.lock if lock else db_containers.get
        row = find(connection, parent_id)
        if row is None:
            raise containers.not_found()
        return row

    def _target(
        self,
        connection: Connection,
        context: RequestContext,
        row: ContainerRow,
    ) -> Target:
        return access.to_container(connection, context, row)

    def _view(
        self,
        connection: Connection,
        row: ContainerRow,
        known: Sequence[ConsumerRow],
        added: ConsumerRow | None = None,
    ) -> ContainerView:
        if added is not None:
            row = row._replace(updated_at=added.created_at)
        members = db_containers.members(connection, [row.id])
        return views.container(row, members[row.id], known)

    def add(
        self,
        context: RequestContext,
        container_id: str,
        consumer: NewContainerConsumer,
    ) -> ContainerView:
        new = self._new(context, container_id, *_fields(consumer))
        return self._add(context, new)

    def remove(
        self,
        context: RequestContext,
        container_id: str,
        consumer: NewContainerConsumer,
    ) -> ContainerView:
        return self._remove(context, container_id, *_fields(consumer))

    def get(
        self, context: RequestContext, container_id: str, consumer_id: str
    ) -> ContainerConsumerView:
        return views.container_consumer(
            self._get(context, container_id, consumer_id)
        )

    def page(
        self, context: RequestContext, container_id: str, query: PageQuery
    ) -> Page[ContainerConsumerView]:
        rows, total = self._page(context, container_id, query)
        return Page([views.container_consumer(row) for row in rows], total)


def _fields(consumer: NewContainerConsumer) -> tuple[str, str]:
    return consumer['name'], consumer['url']
