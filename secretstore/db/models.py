# SPDX-License-Identifier: Apache-2.0
"""The tables. Rows are read and written as tuples, never as objects.

Times are UTC without a zone. Equality and order are those of the bytes on
every database, so that a page looks the same wherever it comes from.
"""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql

_MYSQL = ('mysql', 'mariadb')

Id = (
    sa.String(36)
    # A quarter of the width in every index.
    .with_variant(
        mysql.CHAR(36, charset='ascii', collation='ascii_bin'), *_MYSQL
    )
    .with_variant(sa.String(36, collation='C'), 'postgresql')
)
Time = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *_MYSQL)
Bytes = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), *_MYSQL)
LongText = sa.Text().with_variant(sa.Text(collation='C'), 'postgresql')


def text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        sa.String(length, collation='C'), 'postgresql'
    )


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
            'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
            'fk': 'fk_%(table_name)s_%(column_0_name)s',
            'pk': 'pk_%(table_name)s',
        }
    )

    @staticmethod
    def arguments(*constraints: Any) -> tuple[Any, ...]:
        """Table arguments: MariaDB's engine, character set and order."""
        options = {
            f'{dialect}_{name}': value
            for dialect in _MYSQL
            for name, value in (
                ('engine', 'InnoDB'),
                ('charset', 'utf8mb4'),
                ('collate', 'utf8mb4_bin'),
            )
        }
        return (*constraints, options)


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


class MasterKey(Base):
    """A custodian's key; in_use is TRUE for one row and NULL for others."""

    __tablename__ = 'master_keys'
    __table_args__ = Base.arguments(sa.UniqueConstraint('in_use'))

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    strategy: orm.Mapped[str] = orm.mapped_column(text(255))
    reference: orm.Mapped[str] = orm.mapped_column(text(255))
    check_value: orm.Mapped[bytes] = orm.mapped_column(Bytes)
    in_use: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    retired_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(Time)


class ProjectKey(Base):
    """A wrapped project key; in_use is TRUE for one per project."""

    __tablename__ = 'project_keys'
    __table_args__ = Base.arguments(
        sa.UniqueConstraint('project_id', 'in_use')
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    master_key_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('master_keys.id', ondelete='RESTRICT'), index=True
    )
    wrapped_key: orm.Mapped[bytes] = orm.mapped_column(Bytes)
    in_use: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)


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


def table(model: type[Base]) -> sa.Table:
    """The Core table of a model, for statements."""
    found = model.__table__
    assert isinstance(found, sa.Table)  # noqa: S101
    return found
