# SPDX-License-Identifier: Apache-2.0
"""Orders: keys that are generated here."""

import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import Base, Bytes, Id, LongText, Time, text


class Order(Base):
    """A request for a key, and what became of it.

    While it is PENDING a conductor that works on it holds it until
    claimed_until; attempts counts those who began.
    """

    __tablename__ = 'orders'
    __table_args__ = Base.arguments(
        sa.Index('ix_orders_page', 'project_id', 'created_at', 'id'),
        # What is to be done next, and what is finished for long.
        sa.Index('ix_orders_due', 'status', 'project_id', 'claimed_until'),
        sa.Index('ix_orders_finished', 'status', 'updated_at'),
    )

    id: orm.Mapped[str] = orm.mapped_column(Id, primary_key=True)
    project_id: orm.Mapped[str] = orm.mapped_column(text(255))
    creator_id: orm.Mapped[str | None] = orm.mapped_column(text(255))
    type: orm.Mapped[str] = orm.mapped_column(text(32))
    # JSON, as it was asked for; a pass phrase only inside its envelope.
    meta: orm.Mapped[str] = orm.mapped_column(LongText)
    pass_phrase: orm.Mapped[bytes | None] = orm.mapped_column(Bytes)
    status: orm.Mapped[str] = orm.mapped_column(text(32))
    error_status_code: orm.Mapped[str | None] = orm.mapped_column(text(16))
    error_reason: orm.Mapped[str | None] = orm.mapped_column(LongText)
    # What the order made lives on its own, and may be gone.
    secret_id: orm.Mapped[str | None] = orm.mapped_column(Id)
    container_id: orm.Mapped[str | None] = orm.mapped_column(Id)
    attempts: orm.Mapped[int] = orm.mapped_column(sa.Integer)
    claimed_until: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        Time
    )
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(Time)
