# SPDX-License-Identifier: Apache-2.0
"""What the tables have in common.

Rows are read and written as tuples, never as objects.

Times are UTC without a zone. Equality and order are those of the bytes on
every database, so that a page looks the same wherever it comes from.
"""

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
# SHA-256 in hexadecimal.
Digest = sa.String(64).with_variant(
    mysql.CHAR(64, charset='ascii', collation='ascii_bin'), *_MYSQL
)
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


def table(model: type[Base]) -> sa.Table:
    """The Core table of a model, for statements."""
    found = model.__table__
    assert isinstance(found, sa.Table)  # noqa: S101
    return found
