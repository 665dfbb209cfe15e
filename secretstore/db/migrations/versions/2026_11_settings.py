# SPDX-License-Identifier: Apache-2.0
"""What all processes have to agree on besides keys."""

from typing import Any

from alembic import op
import sqlalchemy as sa

revision = '2026_11_settings'
down_revision = '2026_11_service_keys'
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f'{dialect}_{name}': value
    for dialect in ('mysql', 'mariadb')
    for name, value in (
        ('engine', 'InnoDB'),
        ('charset', 'utf8mb4'),
        ('collate', 'utf8mb4_bin'),
    )
}
_TABLE = 'settings'
_NAME = sa.String(64).with_variant(sa.String(64, collation='C'), 'postgresql')


def upgrade() -> None:
    # MariaDB commits each statement: an upgrade may have been cut short.
    if _TABLE in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        _TABLE,
        sa.Column('name', _NAME, nullable=False),
        sa.Column('value', sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint('name', name='pk_settings'),
        **_OPTIONS,
    )
