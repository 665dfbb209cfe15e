# SPDX-License-Identifier: Apache-2.0
"""Master keys, project keys and transport keys."""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import Base, Bytes, Id, LongText, Time, text


class MasterKey(Base):
    """A custodian's key; in_use is TRUE for one per strategy, else NULL.

    From retired_at on nothing is under it, from destroyed_at on its
    custodian has it no longer.
    """

    __tablename__ = 'master_keys'
    __table_args__ = Base.arguments(sa.UniqueConstraint('strategy', 'in_use'))

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    strategy: orm.Mapped[str] = orm.mapped_column(text(255))
    reference: orm.Mapped[str] = orm.mapped_column(text(255))
    check_value: orm.Mapped[bytes] = orm.mapped_column(Bytes)
    in_use: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    retired_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(Time)
    destroyed_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )


class ProjectKey(Base):
    """A wrapped project key; in_use is TRUE for one per project."""

    __tablename__ = 'project_keys'
    __table_args__ = Base.arguments(
        sa.UniqueConstraint('project_id', 'in_use'),
        # The few that are in use no longer are looked for all the time.
        sa.Index('ix_project_keys_in_use', 'in_use', 'id'),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    master_key_id: orm.Mapped[str] = orm.mapped_column(
        Id, sa.ForeignKey('master_keys.id', ondelete='RESTRICT'), index=True
    )
    wrapped_key: orm.Mapped[bytes] = orm.mapped_column(Bytes)
    in_use: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    # When it came under the present master key, if not when it was made.
    rewrapped_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )


class TransportKey(Base):
    """A public key that clients seal payloads to.

    in_use is TRUE for the pair that is ours and handed out, else NULL.
    """

    __tablename__ = 'transport_keys'
    __table_args__ = Base.arguments(sa.UniqueConstraint('in_use'))

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    suite: orm.Mapped[str] = orm.mapped_column(text(255))
    public_key: orm.Mapped[str] = orm.mapped_column(LongText)
    # The private key's envelope, and the key that opens it; NULL for a public
    # key that an admin registered.
    project_key_id: orm.Mapped[str | None] = orm.mapped_column(Id, index=True)
    envelope: orm.Mapped[bytes | None] = orm.mapped_column(Bytes)
    in_use: orm.Mapped[bool | None] = orm.mapped_column(sa.Boolean)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
