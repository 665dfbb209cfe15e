# SPDX-License-Identifier: Apache-2.0
"""Rows of every kind, written straight into a database, and counted."""

import datetime
from typing import Any
import uuid

import sqlalchemy as sa

from secretstore.conductor import common
from secretstore.crypto import binding
from secretstore.db import consumers, models, secrets, usage
from secretstore.db.engine import Database
from secretstore.tests.unit.db import base

DAY = datetime.timedelta(days=1)


def ago(days: float) -> datetime.datetime:
    return common.utcnow() - days * DAY


class Stock:
    """What projects keep in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def secret(self, project: str, **fields: Any) -> str:
        """A secret with payload, metadata and a user in its ACL."""
        row = base.secret(project_id=project, **fields)
        with self._database.writing() as conn:
            secrets.insert(conn, row, base.PAYLOAD)
            own = {'secret_id': row.id}
            _insert(
                conn, models.SecretMetadatum, **own, key='key', value='value'
            )
            _insert(conn, models.SecretAclUser, **own, user_id='user')
        return row.id

    def container(self, project: str, *members: str) -> str:
        """A container with a user in its ACL."""
        with self._database.writing() as conn:
            made = _insert_new(
                conn, models.Container, project_id=project, type='generic'
            )
            own = {'container_id': made}
            for member in members:
                _insert(
                    conn,
                    models.ContainerSecret,
                    **own,
                    name='',
                    secret_id=member,
                )
            _insert(conn, models.ContainerAclUser, **own, user_id='user')
            usage.add(conn, project, 'containers', 1)
        return made

    def order(self, project: str, **fields: Any) -> str:
        with self._database.writing() as conn:
            made = _insert_new(
                conn,
                models.Order,
                **{
                    'project_id': project,
                    'type': 'key',
                    'meta': '{}',
                    'status': 'ACTIVE',
                    'attempts': 1,
                }
                | fields,
            )
            usage.add(conn, project, 'orders', 1)
        return made

    def consumer(
        self, project: str, *, secret: str = '', container: str = ''
    ) -> str:
        """Somebody of a project who uses that secret or container."""
        parent = secret or container
        kind = consumers.OF_SECRETS if secret else consumers.OF_CONTAINERS
        fields = ('nova', 'server', str(uuid.uuid4()))[: 3 if secret else 2]
        row = consumers.ConsumerRow(
            str(uuid.uuid4()),
            parent,
            project,
            binding.digest(*fields, project),
            fields,
            base.NOW,
            base.NOW,
        )
        with self._database.writing() as conn:
            kind.add(conn, row)
        return row.id

    def keys(self, project: str, count: int = 1) -> None:
        """Project keys, one of them in use, under a master key."""
        with self._database.writing() as conn:
            master_key = _insert(
                conn,
                models.MasterKey,
                id=str(uuid.uuid4()),
                strategy='proprietary',
                reference='master-1',
                check_value=b'check',
                in_use=None,
                created_at=base.NOW,
            )
            for number in range(count):
                _insert(
                    conn,
                    models.ProjectKey,
                    id=str(uuid.uuid4()),
                    project_id=project,
                    master_key_id=master_key['id'],
                    wrapped_key=b'wrapped',
                    in_use=None if number else True,
                    created_at=base.NOW,
                )

    def settings(self, project: str) -> None:
        """Quotas and a preferred secret store."""
        store = str(uuid.uuid4())
        times = {'created_at': base.NOW, 'updated_at': base.NOW}
        with self._database.writing() as conn:
            _insert(conn, models.ProjectQuota, project_id=project, secrets=500)
            _insert(
                conn, models.SecretStore, id=store, strategy=store, **times
            )
            _insert(
                conn,
                models.ProjectSecretStore,
                project_id=project,
                secret_store_id=store,
            )

    def named_key(self, project: str, reference: str | None = None) -> None:
        """One that is in its row, or elsewhere under a reference."""
        with self._database.writing() as conn:
            _insert(
                conn,
                models.NamedKey,
                id=str(uuid.uuid4()),
                project_id=project,
                kind='backup',
                object_id=str(uuid.uuid4()),
                title='',
                strategy='proprietary' if reference is None else 'barbican',
                reference=reference,
                envelope=b'envelope' if reference is None else None,
                created_at=base.NOW,
            )

    def all_of(self, project: str) -> None:
        """Some of everything."""
        first = self.secret(project, expiration=ago(1))
        container = self.container(project, first, self.secret(project))
        for status in ('ACTIVE', 'ERROR', 'PENDING'):
            self.order(project, status=status)
        self.consumer(project, secret=first)
        self.consumer(project, container=container)
        self.keys(project, 2)
        self.settings(project)
        self.named_key(project)

    def ids(self, model: type[models.Base]) -> set[str]:
        """The ids of all rows, or those that they belong to."""
        first = next(iter(models.table(model).c))
        with self._database.reading() as conn:
            return set(conn.execute(sa.select(first)).scalars())

    def count(self, model: type[models.Base], project: str) -> int:
        table = models.table(model)
        with self._database.reading() as conn:
            return conn.execute(
                sa.select(sa.func.count())
                .select_from(table)
                .where(table.c.project_id == project)
            ).scalar_one()

    def stored(self, project: str) -> dict[str, int]:
        """How many rows a project has of what is counted."""
        return {
            'secrets': self.count(models.Secret, project),
            'containers': self.count(models.Container, project),
            'orders': self.count(models.Order, project),
            'consumers': self.count(models.SecretConsumer, project)
            + self.count(models.ContainerConsumer, project),
        }

    def counted(self, project: str) -> dict[str, int]:
        """The same as the counters have it."""
        table = models.table(models.ProjectUsage)
        sums = [
            sa.func.coalesce(sa.func.sum(table.c[name]), 0)
            for name in usage.RESOURCES
        ]
        statement = sa.select(*sums).where(table.c.project_id == project)
        with self._database.reading() as conn:
            found = conn.execute(statement).one()
        return {
            name: int(value)
            for name, value in zip(usage.RESOURCES, found, strict=True)
        }


def _insert(
    conn: sa.Connection, model: type[models.Base], **values: Any
) -> dict[str, Any]:
    conn.execute(sa.insert(models.table(model)), values)
    return values


def _insert_new(
    conn: sa.Connection, model: type[models.Base], **values: Any
) -> str:
    usual = {
        'id': str(uuid.uuid4()),
        'created_at': base.NOW,
        'updated_at': base.NOW,
    }
    return str(_insert(conn, model, **usual | values)['id'])
