# SPDX-License-Identifier: Apache-2.0
"""Keys that services ask for by name."""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import Base, Bytes, Id, Time, text


class NamedKey(Base):
    """A project's key, of which there is one per kind and object_id.

    Either secretstore keeps it, in an envelope, or the strategy does, which
    knows it by its reference.
    """

    __tablename__ = 'named_keys'
    __table_args__ = Base.arguments(
        sa.UniqueConstraint('project_id', 'kind', 'object_id')
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    kind: orm.Mapped[str] = orm.mapped_column(text(32))
    object_id: orm.Mapped[str] = orm.mapped_column(text(255))
    title: orm.Mapped[str] = orm.mapped_column(text(255))
    # Of what was generated; NULL for a password that somebody chose.
    algorithm: orm.Mapped[str | None] = orm.mapped_column(text(32))
    mode: orm.Mapped[str | None] = orm.mapped_column(text(32))
    bit_length: orm.Mapped[int | None] = orm.mapped_column(sa.Integer)
    strategy: orm.Mapped[str] = orm.mapped_column(text(255))
    reference: orm.Mapped[str | None] = orm.mapped_column(text(255))
    project_key_id: orm.Mapped[str | None] = orm.mapped_column(Id, index=True)
    envelope: orm.Mapped[bytes | None] = orm.mapped_column(Bytes)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
