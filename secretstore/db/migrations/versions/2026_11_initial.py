# SPDX-License-Identifier: Apache-2.0
"""Secrets with payloads and metadata, keys, and usage."""

from typing import Any

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '2026_11_initial'
down_revision = None
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
_LONG = sa.Text().with_variant(sa.Text(collation='C'), 'postgresql')
_OPTIONS: dict[str, Any] = {
    f'{dialect}_{name}': value
    for dialect in _MYSQL
    for name, value in (
        ('engine', 'InnoDB'),
        ('charset', 'utf8mb4'),
        ('collate', 'utf8mb4_bin'),
    )
}


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(
        sa.String(length, collation='C'), 'postgresql'
    )


def upgrade() -> None:
    _secrets()
    _payloads_and_metadata()
    _master_keys()
    _project_keys()
    op.create_table(
        'project_usage',
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column(
            'shard', sa.SmallInteger, autoincrement=False, nullable=False
        ),
        sa.Column('secrets', sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            'project_id', 'shard', name='pk_project_usage'
        ),
        **_OPTIONS,
    )


def _secrets() -> None:
    op.create_table(
        'secrets',
        sa.Column('id', _ID, nullable=False),
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('creator_id', _text(255)),
        sa.Column('name', _text(255)),
        sa.Column('secret_type', _text(80), nullable=False),
        sa.Column('algorithm', _text(255)),
        sa.Column('bit_length', sa.Integer),
        sa.Column('mode', _text(255)),
        sa.Column('content_type', _text(255)),
        sa.Column('expiration', _TIME),
        sa.Column('created_at', _TIME, nullable=False),
        sa.Column('updated_at', _TIME, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_secrets'),
        sa.Index(
            'ix_secrets_page', 'project_id', 'created_at', 'id', 'expiration'
        ),
        sa.Index('ix_secrets_expiration', 'project_id', 'expiration'),
        sa.Index('ix_secrets_name', 'project_id', 'name'),
        **_OPTIONS,
    )


def _payloads_and_metadata() -> None:
    op.create_table(
        'secret_payloads',
        sa.Column('secret_id', _ID, nullable=False),
        sa.Column('project_key_id', _ID, nullable=False),
        sa.Column('envelope', _BYTES, nullable=False),
        _of_secret('secret_payloads'),
        sa.PrimaryKeyConstraint('secret_id', name='pk_secret_payloads'),
        sa.Index('ix_secret_payloads_project_key_id', 'project_key_id'),
        **_OPTIONS,
    )
    op.create_table(
        'secret_metadata',
        sa.Column('secret_id', _ID, nullable=False),
        sa.Column('key', _text(255), nullable=False),
        sa.Column('value', _LONG, nullable=False),
        _of_secret('secret_metadata'),
        sa.PrimaryKeyConstraint('secret_id', 'key', name='pk_secret_metadata'),
        **_OPTIONS,
    )


def _of_secret(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ['secret_id'],
        ['secrets.id'],
        name=f'fk_{table}_secret_id',
        ondelete='CASCADE',
    )


def _master_keys() -> None:
    op.create_table(
        'master_keys',
        sa.Column('id', _ID, nullable=False),
        sa.Column('strategy', _text(255), nullable=False),
        sa.Column('reference', _text(255), nullable=False),
        sa.Column('check_value', _BYTES, nullable=False),
        sa.Column('in_use', sa.Boolean),
        sa.Column('created_at', _TIME, nullable=False),
        sa.Column('retired_at', _TIME),
        sa.PrimaryKeyConstraint('id', name='pk_master_keys'),
        sa.UniqueConstraint('in_use', name='uq_master_keys_in_use'),
        **_OPTIONS,
    )


def _project_keys() -> None:
    op.create_table(
        'project_keys',
        sa.Column('id', _ID, nullable=False),
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('master_key_id', _ID, nullable=False),
        sa.Column('wrapped_key', _BYTES, nullable=False),
        sa.Column('in_use', sa.Boolean),
        sa.Column('created_at', _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ['master_key_id'],
            ['master_keys.id'],
            name='fk_project_keys_master_key_id',
            ondelete='RESTRICT',
        ),
        sa.PrimaryKeyConstraint('id', name='pk_project_keys'),
        sa.UniqueConstraint(
            'project_id', 'in_use', name='uq_project_keys_project_id_in_use'
        ),
        sa.Index('ix_project_keys_master_key_id', 'master_key_id'),
        **_OPTIONS,
    )
