# SPDX-License-Identifier: Apache-2.0
"""Orders in a project of their own, and what became of them."""

import datetime
from typing import Any
import uuid

import sqlalchemy as sa

from secretstore.db import models
from secretstore.rpc.interface import NewOrder, OrderQuery, OrderView
from secretstore.tests.unit.conductor import base

AES: dict[str, Any] = {'algorithm': 'aes', 'bit_length': 256, 'name': None}
EC: dict[str, Any] = {'algorithm': 'EC', 'bit_length': 384, 'name': 'pair'}
TABLES = ('secrets', 'secret_payloads', 'containers', 'orders')


def new_order(
    order_type: Any = 'key',
    expiration: datetime.datetime | None = None,
    pass_phrase: str | None = None,
    **meta: Any,
) -> NewOrder:
    return {
        'type': order_type,
        'meta': meta,
        'expiration': expiration,
        'pass_phrase': pass_phrase,
    }


def page_query(**fields: Any) -> OrderQuery:
    query: OrderQuery = {
        'limit': 10,
        'offset': 0,
        'marker': None,
        'meta': None,
    }
    query.update(fields)  # type: ignore[typeddict-item]
    return query


class OrderTest(base.ConductorTest):
    """Each test has a project of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.context = base.context(project_id=uuid.uuid4().hex)

    def order(self, order_type: Any = 'key', **meta: Any) -> OrderView:
        """What became of a new order."""
        order_id = self.conductor.orders.create(
            self.context, new_order(order_type, **meta)
        )
        return self.conductor.orders.get(self.context, order_id)

    def members(self, container_id: str) -> dict[str, str]:
        """Ids of the secrets in a container, by name."""
        table = models.table(models.ContainerSecret)
        with self.database.reading() as connection:
            rows = connection.execute(
                sa.select(table.c.name, table.c.secret_id).where(
                    table.c.container_id == container_id
                )
            )
            return {row.name: row.secret_id for row in rows}

    def payload(self, secret_id: str) -> bytes:
        return self.conductor.secrets.payload(self.context, secret_id).data

    def counts(self) -> dict[str, int]:
        """Rows of this test's project, and what usage says of it."""
        found = {}
        usage = models.table(models.ProjectUsage)
        with self.database.reading() as connection:
            for model in (models.Secret, models.Container, models.Order):
                table = models.table(model)
                of_project = table.c.project_id == self.context.project_id
                rows = connection.execute(
                    sa.select(sa.func.count())
                    .select_from(table)
                    .where(of_project)
                ).scalar_one()
                used = connection.execute(
                    sa.select(
                        sa.func.coalesce(sa.func.sum(usage.c[table.name]), 0)
                    ).where(usage.c.project_id == self.context.project_id)
                ).scalar_one()
                self.assertEqual(rows, used, table.name)
                found[table.name] = rows
        return found

    def stored(self, order_id: str) -> Any:
        table = models.table(models.Order)
        with self.database.reading() as connection:
            return connection.execute(
                sa.select(table).where(table.c.id == order_id)
            ).one()
