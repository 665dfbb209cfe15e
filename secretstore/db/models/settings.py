# SPDX-License-Identifier: Apache-2.0
"""What all processes have to agree on besides keys."""

import sqlalchemy as sa
from sqlalchemy import orm

from secretstore.db.models.base import Base, text


class Setting(Base):
    """A number by its name."""

    __tablename__ = 'settings'
    __table_args__ = Base.arguments()

    name: orm.Mapped[str] = orm.mapped_column(text(64), primary_key=True)
    value: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)
