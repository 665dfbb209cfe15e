# SPDX-License-Identifier: Apache-2.0
"""Which secret store is the default, and what becomes of replaced keys."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '2026_11_rotation'
down_revision = '2026_11_key_manager'
branch_labels = None
depends_on = None

_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
_DEFAULT = 'ix_secret_stores_global_default'


def upgrade() -> None:
    # MariaDB commits each statement: some may have been done before.
    _add('master_keys', sa.Column('destroyed_at', _TIME))
    _add('project_keys', sa.Column('rewrapped_at', _TIME))
    _add('secret_stores', sa.Column('global_default', sa.Boolean))
    _index('project_keys', 'ix_project_keys_in_use', 'in_use', 'id')
    _index('secret_stores', _DEFAULT, 'global_default', unique=True)


def _index(table: str, name: str, *columns: str, unique: bool = False) -> None:
    found = sa.inspect(op.get_bind()).get_indexes(table)
    if name not in {index['name'] for index in found}:
        op.create_index(name, table, list(columns), unique=unique)


def _add(table: str, column: sa.Column[object]) -> None:
    found = sa.inspect(op.get_bind()).get_columns(table)
    if column.name not in {known['name'] for known in found}:
        op.add_column(table, column)
