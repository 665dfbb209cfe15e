# SPDX-License-Identifier: Apache-2.0
"""Keys that services ask for by name."""

from typing import Any

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '2026_11_service_keys'
down_revision = '2026_11_rotation'
branch_labels = None
depends_on = None

_MYSQL = ('mysql', 'mariadb')
_ID = (
    sa.String(36)
    .with_variant(
        mysql.CHAR(36, charset='ascii', collation='ascii_bin'), *_MYSQL
    )
    .with_variant(sa.String(36, collation='C'), 'postgresql')
)
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *_MYSQL)
_BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), *_MYSQL)
_OPTIONS: dict[str, Any] = {
    f'{dialect}_{name}': value
    for dialect in _MYSQL
    for name, value in (
        ('engine', 'InnoDB'),
        ('charset', 'utf8mb4'),
        ('collate', 'utf8mb4_bin'),
    )
}
_TABLE = 'named_keys'
_NAME = ['project_id', 'kind', 'object_id']


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        sa.String(length, collation='C'), 'postgresql'
    )


def upgrade() -> None:
    # MariaDB commits each statement: an upgrade may have been cut short.
    if _TABLE in sa.inspect(op.get_bind()).get_table_names():
        op.drop_table(_TABLE)
    op.create_table(
        _TABLE,
        sa.Column('id', _ID, nullable=False),
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('kind', _text(32), nullable=False),
        sa.Column('object_id', _text(255), nullable=False),
        sa.Column('title', _text(255), nullable=False),
        sa.Column('algorithm', _text(32)),
        sa.Column('mode', _text(32)),
        sa.Column('bit_length', sa.Integer),
        sa.Column('strategy', _text(255), nullable=False),
        sa.Column('reference', _text(255)),
        sa.Column('project_key_id', _ID),
        sa.Column('envelope', _BYTES),
        sa.Column('created_at', _TIME, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_named_keys'),
        sa.UniqueConstraint(*_NAME, name=f'uq_named_keys_{"_".join(_NAME)}'),
        **_OPTIONS,
    )
    op.create_index('ix_named_keys_project_key_id', _TABLE, ['project_key_id'])
