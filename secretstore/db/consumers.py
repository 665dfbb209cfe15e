# SPDX-License-Identifier: Apache-2.0
"""Who uses a secret or a container.

The database refuses to delete a parent that has consumers: whoever does it
nevertheless calls forget() first, so that none is lost from the count.
"""

from collections.abc import Collection, Sequence
import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from secretstore.db import models, paging, quotas, usage
from secretstore.db.paging import Page as Page


class ConsumerRow(NamedTuple):
    """A consumer; digest is :func:`crypto.binding.digest` of its fields."""

    id: str
    parent_id: str
    project_id: str
    digest: str
    fields: tuple[str, ...]
    created_at: datetime.datetime
    updated_at: datetime.datetime


class Consumers:
    """The consumers of one kind of parent: of secrets or of containers.

    :param parent: the column that names the parent
    """

    def __init__(
        self,
        model: type[models.Base],
        parents: type[models.Base],
        parent: str,
    ) -> None:
        self._table = table = models.table(model)
        self._parents = models.table(parents)
        of_parent = table.c[parent]
        of_parents = of_parent.in_(sa.bindparam('parents', expanding=True))
        one = table.c.id == sa.bindparam('consumer_id')
        self._listing = paging.Listing(table, of_parent == paging.SCOPE)
        self._of = (
            sa.select(table)
            .where(of_parents)
            .order_by(of_parent, table.c.created_at, table.c.id)
        )
        self._get = sa.select(table).where(
            one, of_parent == sa.bindparam('of_parent')
        )
        self._insert = sa.insert(table)
        self._delete = sa.delete(table).where(one)
        some = table.c.id.in_(sa.bindparam('ids', expanding=True))
        self._parents_of = sa.select(of_parent).where(some).distinct()
        self._delete_some = sa.delete(table).where(some)
        self._count = (
            sa.select(table.c.project_id, sa.func.count())
            .where(of_parents)
            .group_by(table.c.project_id)
        )
        self._delete_all = sa.delete(table).where(of_parents)
        self._write_parents()

    def _write_parents(self) -> None:
        parent_id = self._parents.c.id
        self._touch = (
            sa.update(self._parents)
            .where(parent_id == sa.bindparam('of_parent'))
            .values(updated_at=sa.bindparam('now'))
        )
        self._lock = (
            sa.select(parent_id)
            .where(parent_id.in_(sa.bindparam('parents', expanding=True)))
            .order_by(parent_id)
            .with_for_update()
        )

    def of(
        self, conn: sa.Connection, parent_ids: Sequence[str]
    ) -> dict[str, list[ConsumerRow]]:
        """All consumers of each parent, in the order of their creation."""
        found: dict[str, list[ConsumerRow]] = {
            parent_id: [] for parent_id in parent_ids
        }
        if parent_ids:
            for row in conn.execute(self._of, {'parents': parent_ids}):
                consumer = _row(row)
                found[consumer.parent_id].append(consumer)
        return found

    def get(
        self, conn: sa.Connection, parent_id: str, consumer_id: str
    ) -> ConsumerRow | None:
        """One consumer of this parent, or None."""
        found = conn.execute(
            self._get, {'of_parent': parent_id, 'consumer_id': consumer_id}
        ).first()
        return None if found is None else _row(found)

    def page(
        self, conn: sa.Connection, parent_id: str, page: Page
    ) -> tuple[list[ConsumerRow], int]:
        """One page of a parent's consumers, and how many there are."""
        rows, total = paging.page(conn, self._listing, parent_id, page)
        return [_row(row[:-1]) for row in rows], total

    def add(
        self,
        conn: sa.Connection,
        row: ConsumerRow,
        limits: quotas.Limits = quotas.UNLIMITED,
    ) -> None:
        """Add a consumer that is not there, and tell when in the parent.

        The last step of a transaction that has locked the parent's row.

        :param limits: those of projects without their own
        :raises QuotaReached: when its project has as many as it may have
        """
        values = (*row[:4], *row.fields, *row[-2:])
        names = self._table.c.keys()
        conn.execute(self._insert, dict(zip(names, values, strict=True)))
        conn.execute(
            self._touch, {'of_parent': row.parent_id, 'now': row.created_at}
        )
        quotas.take(conn, row.project_id, 'consumers', limits, row.created_at)

    def remove(self, conn: sa.Connection, row: ConsumerRow) -> None:
        """Remove a consumer of a parent whose row is locked."""
        done = conn.execute(self._delete, {'consumer_id': row.id})
        if done.rowcount:
            usage.add(conn, row.project_id, 'consumers', -1)

    def remove_of(
        self, conn: sa.Connection, project_id: str, ids: Collection[str]
    ) -> int:
        """Remove those of a project's that are still there; how many were.

        Locks their parents, as whoever else adds or removes consumers does:
        what another has seen of them is so until its transaction ends.
        """
        values = {'ids': list(ids)}
        parents = list(conn.execute(self._parents_of, values).scalars())
        if not parents:
            return 0
        conn.execute(self._lock, {'parents': parents})
        done = conn.execute(self._delete_some, values).rowcount
        if done:
            usage.add(conn, project_id, 'consumers', -done)
        return done

    def forget(self, conn: sa.Connection, parent_ids: Collection[str]) -> None:
        """Remove all consumers of parents that are about to be deleted.

        Locks the parents: none gets another until the transaction ends.
        """
        if not parent_ids:
            return
        of_them = {'parents': list(parent_ids)}
        conn.execute(self._lock, of_them)
        counts = conn.execute(self._count, of_them).all()
        if not counts:
            return
        conn.execute(self._delete_all, of_them)
        usage.removed(conn, 'consumers', {row[0]: row[1] for row in counts})


def _row(row: Sequence[Any]) -> ConsumerRow:
    return ConsumerRow._make((*row[:4], tuple(row[4:-2]), *row[-2:]))


OF_SECRETS = Consumers(models.SecretConsumer, models.Secret, 'secret_id')
OF_CONTAINERS = Consumers(
    models.ContainerConsumer, models.Container, 'container_id'
)
