# SPDX-License-Identifier: Apache-2.0
"""Secrets, their payloads, metadata, ACLs and consumers."""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import (
    Base,
    Bytes,
    Digest,
    Id,
    LongText,
    Time,
    text,
)


class Secret(Base):
    """What is known about a secret; content_type is NULL until it is set."""

    __tablename__ = 'secrets'
    __table_args__ = Base.arguments(
        # Pages are cut from this index alone, expired secrets left out.
        sa.Index(
            'ix_secrets_page', 'project_id', 'created_at', 'id', 'expiration'
        ),
        sa.Index('ix_secrets_expiration', 'project_id', 'expiration'),
        # Clients look for a secret by its name.
        sa.Index('ix_secrets_name', 'project_id', 'name'),
        # Those of all projects that expired long ago are collected.
        sa.Index('ix_secrets_expired', 'expiration'),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    creator_id: orm.Mapped[str | None] = orm.mapped_column(text(255))
    name: orm.Mapped[str | None] = orm.mapped_column(text(255))
    secret_type: orm.Mapped[str] = orm.mapped_column(text(80))
    algorithm: orm.Mapped[str | None] = orm.mapped_column(text(255))
    bit_length: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    mode: orm.Mapped[str | None] = orm.mapped_column(text(255))
    content_type: orm.Mapped[str | None] = orm.mapped_column(text(255))
    expiration: orm.Mapped[datetime.datetime | None] = orm.mapped_column(Time)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    # The ACL, all NULL when there is none; its users have a table.
    acl_project_access: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    acl_created_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )
    acl_updated_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )


class SecretPayload(Base):
    """The envelope of a payload, where no list comes past it."""

    __tablename__ = 'secret_payloads'
    __table_args__ = Base.arguments()

    secret_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('secrets.id', ondelete='CASCADE'), primary_key=True
    )
    # No foreign key: destroying a project's keys comes before the payloads.
    project_key_id: orm.Mapped[str] = orm.mapped_column(Id, index=True)
    envelope: orm.Mapped[bytes] = orm.mapped_column(Bytes)


class SecretMetadatum(Base):
    """A user's own key and value."""

    __tablename__ = 'secret_metadata'
    __table_args__ = Base.arguments()

    secret_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('secrets.id', ondelete='CASCADE'), primary_key=True
    )
    key: orm.Mapped[str] = orm.mapped_column(text(255), primary_key=True)
    value: orm.Mapped[str] = orm.mapped_column(LongText)


class SecretAclUser(Base):
    """A user who may read a secret; its ACL's other half is in secrets."""

    __tablename__ = 'secret_acl_users'
    __table_args__ = Base.arguments()

    secret_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('secrets.id', ondelete='CASCADE'), primary_key=True
    )
    # What is shared with a user is looked for by the user.
    user_id: orm.Mapped[str] = orm.mapped_column(
        text(255), primary_key=True, index=True
    )


class SecretConsumer(Base):
    """A resource of another service that uses a secret."""

    __tablename__ = 'secret_consumers'
    __table_args__ = Base.arguments(
        sa.UniqueConstraint('secret_id', 'digest'),
        sa.Index('ix_secret_consumers_page', 'secret_id', 'created_at', 'id'),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    # No cascade: a consumer must not vanish without being counted.
    secret_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('secrets.id')
    )
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    # Of the three that follow: together they are too long for an index.
    digest: orm.Mapped[str] = orm.mapped_column(Digest)
    service: orm.Mapped[str] = orm.mapped_column(text(255))
    resource_type: orm.Mapped[str] = orm.mapped_column(text(255))
    resource_id: orm.Mapped[str] = orm.mapped_column(text(255))
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
