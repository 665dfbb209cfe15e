# SPDX-License-Identifier: Apache-2.0
"""What is kept per project: usage, quotas, the preferred store."""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import Base, Id, Time, text


class ProjectUsage(Base):
    """A part of a project's count; the project's count is their sum.

    A part may be negative: a delete need not hit the shard of the insert.
    """

    __tablename__ = 'project_usage'
    __table_args__ = Base.arguments()

    project_id: orm.Mapped[str] = orm.mapped_column(
        text(255), primary_key=True
    )
    shard: orm.Mapped[int] = orm.mapped_column(
        sa.SmallInteger, primary_key=True, autoincrement=False
    )
    secrets: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
    containers: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger, server_default='0'
    )
    orders: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger, server_default='0'
    )
    consumers: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger, server_default='0'
    )


class ProjectQuota(Base):
    """Limits of one project; NULL leaves it to the configuration."""

    __tablename__ = 'project_quotas'
    __table_args__ = Base.arguments()

    project_id: orm.Mapped[str] = orm.mapped_column(
        text(255), primary_key=True
    )
    secrets: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    orders: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    containers: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    consumers: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    cas: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)


class SecretStore(Base):
    """A strategy under the id by which the API speaks of it.

    global_default is TRUE for the one that was migrated to, else NULL; for
    all of them it is left to the configuration.
    """

    __tablename__ = 'secret_stores'
    __table_args__ = Base.arguments(
        sa.UniqueConstraint('strategy'),
        sa.Index(
            'ix_secret_stores_global_default', 'global_default', unique=True
        ),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    strategy: orm.Mapped[str] = orm.mapped_column(text(255))
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    global_default: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)


class ProjectSecretStore(Base):
    """The secret store that a project prefers."""

    __tablename__ = 'project_secret_stores'
    __table_args__ = Base.arguments()

    project_id: orm.Mapped[str] = orm.mapped_column(
        text(255), primary_key=True
    )
    secret_store_id: orm.Mapped[str] = orm.mapped_column(
        Id,
        sa.ForeignKey('secret_stores.id', ondelete='CASCADE'),
        index=True,
    )
