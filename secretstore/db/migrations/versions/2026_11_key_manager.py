# SPDX-License-Identifier: Apache-2.0
"""Containers, orders, consumers, ACLs, quotas, stores, transport keys."""

from typing import Any

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '2026_11_key_manager'
down_revision = '2026_11_initial'
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
_DIGEST = sa.String(64).with_variant(
    mysql.CHAR(64, charset='ascii', collation='ascii_bin'), *_MYSQL
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


_ACL_COLUMNS = ('acl_project_access', 'acl_created_at', 'acl_updated_at')
_COUNTS = ('containers', 'orders', 'consumers')
# In the order in which they can be dropped.
_TABLES = (
    'transport_keys project_secret_stores secret_stores project_quotas orders '
    'container_consumers secret_consumers container_secrets '
    'container_acl_users secret_acl_users containers'
).split()


def upgrade() -> None:
    _remove_leftovers()
    for name in _ACL_COLUMNS:
        op.add_column('secrets', _acl_column(name))
    op.create_index('ix_secrets_expired', 'secrets', ['expiration'])
    for name in _COUNTS:
        op.add_column(
            'project_usage',
            sa.Column(name, sa.BigInteger, server_default='0', nullable=False),
        )
    _containers()
    for parent in ('secret', 'container'):
        _acl_users(parent)
    _container_secrets()
    _consumers(
        'secret',
        sa.Column('service', _text(255), nullable=False),
        sa.Column('resource_type', _text(255), nullable=False),
        sa.Column('resource_id', _text(255), nullable=False),
    )
    _consumers(
        'container',
        sa.Column('name', _text(255), nullable=False),
        sa.Column('url', _LONG, nullable=False),
    )
    _orders()
    _quotas()
    _secret_stores()
    _transport_keys()
    _master_keys()


def _remove_leftovers() -> None:
    """Begin anew where an upgrade was interrupted.

    MariaDB commits each statement; the service does not start before the last.
    """
    found = sa.inspect(op.get_bind())
    tables = set(found.get_table_names())
    for table in _TABLES:
        if table in tables:
            op.drop_table(table)
    indexes = {index['name'] for index in found.get_indexes('secrets')}
    if 'ix_secrets_expired' in indexes:
        op.drop_index('ix_secrets_expired', 'secrets')
    added = {'secrets': _ACL_COLUMNS, 'project_usage': _COUNTS}
    for table, names in added.items():
        known = {column['name'] for column in found.get_columns(table)}
        for name in names:
            if name in known:
                op.drop_column(table, name)


def _acl_column(name: str) -> sa.Column[Any]:
    kind = sa.Boolean() if name == 'acl_project_access' else _TIME
    return sa.Column(name, kind)


def _times() -> list[sa.Column[Any]]:
    return [
        sa.Column('created_at', _TIME, nullable=False),
        sa.Column('updated_at', _TIME, nullable=False),
    ]


def _parent(
    table: str, parent: str, ondelete: str | None = 'CASCADE'
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f'{parent}_id'],
        [f'{parent}s.id'],
        name=f'fk_{table}_{parent}_id',
        ondelete=ondelete,
    )


def _containers() -> None:
    op.create_table(
        'containers',
        sa.Column('id', _ID, nullable=False),
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('creator_id', _text(255)),
        sa.Column('name', _text(255)),
        sa.Column('type', _text(32), nullable=False),
        *_times(),
        _acl_column('acl_project_access'),
        _acl_column('acl_created_at'),
        _acl_column('acl_updated_at'),
        sa.PrimaryKeyConstraint('id', name='pk_containers'),
        sa.Index('ix_containers_page', 'project_id', 'created_at', 'id'),
        sa.Index('ix_containers_name', 'project_id', 'name'),
        **_OPTIONS,
    )


def _container_secrets() -> None:
    op.create_table(
        'container_secrets',
        sa.Column('container_id', _ID, nullable=False),
        sa.Column('name', _text(255), nullable=False),
        sa.Column('secret_id', _ID, nullable=False),
        _parent('container_secrets', 'container'),
        _parent('container_secrets', 'secret'),
        sa.PrimaryKeyConstraint(
            'container_id', 'name', 'secret_id', name='pk_container_secrets'
        ),
        sa.Index('ix_container_secrets_secret_id', 'secret_id'),
        **_OPTIONS,
    )


def _acl_users(parent: str) -> None:
    table = f'{parent}_acl_users'
    op.create_table(
        table,
        sa.Column(f'{parent}_id', _ID, nullable=False),
        sa.Column('user_id', _text(255), nullable=False),
        _parent(table, parent),
        sa.PrimaryKeyConstraint(f'{parent}_id', 'user_id', name=f'pk_{table}'),
        **_OPTIONS,
    )
    if parent == 'secret':
        op.create_index(f'ix_{table}_user_id', table, ['user_id'])


def _consumers(parent: str, *columns: sa.Column[Any]) -> None:
    table = f'{parent}_consumers'
    op.create_table(
        table,
        sa.Column('id', _ID, nullable=False),
        sa.Column(f'{parent}_id', _ID, nullable=False),
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('digest', _DIGEST, nullable=False),
        *columns,
        *_times(),
        # What is not counted must not vanish.
        _parent(table, parent, ondelete=None),
        sa.PrimaryKeyConstraint('id', name=f'pk_{table}'),
        sa.UniqueConstraint(
            f'{parent}_id', 'digest', name=f'uq_{table}_{parent}_id_digest'
        ),
        sa.Index(f'ix_{table}_page', f'{parent}_id', 'created_at', 'id'),
        **_OPTIONS,
    )


def _orders() -> None:
    op.create_table(
        'orders',
        sa.Column('id', _ID, nullable=False),
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('creator_id', _text(255)),
        sa.Column('type', _text(32), nullable=False),
        sa.Column('meta', _LONG, nullable=False),
        sa.Column('pass_phrase', _BYTES),
        sa.Column('status', _text(32), nullable=False),
        sa.Column('error_status_code', _text(16)),
        sa.Column('error_reason', _LONG),
        sa.Column('secret_id', _ID),
        sa.Column('container_id', _ID),
        sa.Column('attempts', sa.Integer, nullable=False),
        sa.Column('claimed_until', _TIME),
        *_times(),
        sa.PrimaryKeyConstraint('id', name='pk_orders'),
        sa.Index('ix_orders_page', 'project_id', 'created_at', 'id'),
        sa.Index('ix_orders_due', 'status', 'project_id', 'claimed_until'),
        sa.Index('ix_orders_finished', 'status', 'updated_at'),
        **_OPTIONS,
    )


def _quotas() -> None:
    op.create_table(
        'project_quotas',
        sa.Column('project_id', _text(255), nullable=False),
        *[
            sa.Column(name, sa.Integer)
            for name in ('secrets', 'orders', 'containers', 'consumers', 'cas')
        ],
        sa.PrimaryKeyConstraint('project_id', name='pk_project_quotas'),
        **_OPTIONS,
    )


def _secret_stores() -> None:
    op.create_table(
        'secret_stores',
        sa.Column('id', _ID, nullable=False),
        sa.Column('strategy', _text(255), nullable=False),
        *_times(),
        sa.PrimaryKeyConstraint('id', name='pk_secret_stores'),
        sa.UniqueConstraint('strategy', name='uq_secret_stores_strategy'),
        **_OPTIONS,
    )
    op.create_table(
        'project_secret_stores',
        sa.Column('project_id', _text(255), nullable=False),
        sa.Column('secret_store_id', _ID, nullable=False),
        _parent('project_secret_stores', 'secret_store'),
        sa.PrimaryKeyConstraint('project_id', name='pk_project_secret_stores'),
        sa.Index(
            'ix_project_secret_stores_secret_store_id', 'secret_store_id'
        ),
        **_OPTIONS,
    )


def _transport_keys() -> None:
    op.create_table(
        'transport_keys',
        sa.Column('id', _ID, nullable=False),
        sa.Column('suite', _text(255), nullable=False),
        sa.Column('public_key', _LONG, nullable=False),
        sa.Column('project_key_id', _ID),
        sa.Column('envelope', _BYTES),
        sa.Column('in_use', sa.Boolean),
        sa.Column('created_at', _TIME, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_transport_keys'),
        sa.UniqueConstraint('in_use', name='uq_transport_keys_in_use'),
        sa.Index('ix_transport_keys_project_key_id', 'project_key_id'),
        **_OPTIONS,
    )


def _master_keys() -> None:
    # SQLite drops a constraint by copying the table, and then the table only
    # while no row refers to it.
    sqlite = op.get_bind().dialect.name == 'sqlite'
    if sqlite:
        op.execute('CREATE TEMPORARY TABLE kept AS SELECT * FROM project_keys')
        op.execute('DELETE FROM project_keys')
    before, after = 'uq_master_keys_in_use', 'uq_master_keys_strategy_in_use'
    constraints = sa.inspect(op.get_bind()).get_unique_constraints(
        'master_keys'
    )
    known = {constraint['name'] for constraint in constraints}
    with op.batch_alter_table('master_keys') as table:
        if before in known:
            table.drop_constraint(before, type_='unique')
        if after not in known:
            table.create_unique_constraint(after, ['strategy', 'in_use'])
    if sqlite:
        op.execute('INSERT INTO project_keys SELECT * FROM kept')
        op.execute('DROP TABLE kept')
