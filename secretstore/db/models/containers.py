# SPDX-License-Identifier: Apache-2.0
"""Containers: named references to secrets, with ACLs and consumers."""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import Base, Digest, Id, LongText, Time, text


class Container(Base):
    """A set of secrets that belong together."""

    __tablename__ = 'containers'
    __table_args__ = Base.arguments(
        sa.Index('ix_containers_page', 'project_id', 'created_at', 'id'),
        sa.Index('ix_containers_name', 'project_id', 'name'),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    creator_id: orm.Mapped[str | None] = orm.mapped_column(text(255))
    name: orm.Mapped[str | None] = orm.mapped_column(text(255))
    type: orm.Mapped[str] = orm.mapped_column(text(32))
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    # As in secrets.
    acl_project_access: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    acl_created_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )
    acl_updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )


class ContainerSecret(Base):
    """A member of a container; its name is empty when it has none."""

    __tablename__ = 'container_secrets'
    __table_args__ = Base.arguments()

    container_id: orm.Mapped[str] = orm.mapped_column(
        Id,
        sa.ForeignKey('containers.id', ondelete='CASCADE'),
        primary_key=True,
    )
    name: orm.Mapped[str] = orm.mapped_column(text(255), primary_key=True)
    secret_id: orm.Mapped[str] = orm.mapped_column(
        Id,
        sa.ForeignKey('secrets.id', ondelete='CASCADE'),
        primary_key=True,
        index=True,
    )


class ContainerAclUser(Base):
    """A user who may read a container."""

    __tablename__ = 'container_acl_users'
    __table_args__ = Base.arguments()

    container_id: orm.Mapped[str] = orm.mapped_column(
        Id,
        sa.ForeignKey('containers.id', ondelete='CASCADE'),
        primary_key=True,
    )
    user_id: orm.Mapped[str] = orm.mapped_column(text(255), primary_key=True)


class ContainerConsumer(Base):
    """Somebody who uses a container."""

    __tablename__ = 'container_consumers'
    __table_args__ = Base.arguments(
        sa.UniqueConstraint('container_id', 'digest'),
        sa.Index(
            'ix_container_consumers_page', 'container_id', 'created_at', 'id'
        ),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    # As in secret_consumers.
    container_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('containers.id')
    )
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    # Of the two that follow: together they are too long for an index.
    digest: orm.Mapped[str] = orm.mapped_column(Digest)
    name: orm.Mapped[str] = orm.mapped_column(text(255))
    url: orm.Mapped[str] = orm.mapped_column(LongText)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
