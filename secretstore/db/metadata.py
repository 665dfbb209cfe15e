# SPDX-License-Identifier: Apache-2.0
"""The key-value pairs that users attach to secrets.

Whoever adds pairs has locked the secret's row.
"""

import sqlalchemy as sa

from secretstore.db import models

_metadata = models.table(models.SecretMetadatum)

_OF_SECRET = _metadata.c.secret_id == sa.bindparam('of_secret')
_OF_KEY = sa.and_(_OF_SECRET, _metadata.c.key == sa.bindparam('of_key'))

_GET_ALL = (
    sa.select(_metadata.c.key, _metadata.c.value)
    .where(_OF_SECRET)
    .order_by(_metadata.c.key)
)
_GET = sa.select(_metadata.c.value).where(_OF_KEY)
_DELETE_ALL = sa.delete(_metadata).where(_OF_SECRET)
_INSERT = sa.insert(_metadata)
_UPDATE = (
    sa.update(_metadata).where(_OF_KEY).values(value=sa.bindparam('new_value'))
)
_DELETE = sa.delete(_metadata).where(_OF_KEY)


def get_all(conn: sa.Connection, secret_id: str) -> dict[str, str]:
    """All pairs, in the order of their keys."""
    rows = conn.execute(_GET_ALL, {'of_secret': secret_id})
    return {row.key: row.value for row in rows}


def replace_all(
    conn: sa.Connection, secret_id: str, values: dict[str, str]
) -> None:
    """Make these the only pairs of a secret whose row is locked."""
    conn.execute(_DELETE_ALL, {'of_secret': secret_id})
    if values:
        conn.execute(
            _INSERT,
            [
                {'secret_id': secret_id, 'key': key, 'value': value}
                for key, value in values.items()
            ],
        )


def get(conn: sa.Connection, secret_id: str, key: str) -> str | None:
    found = conn.execute(_GET, {'of_secret': secret_id, 'of_key': key})
    return found.scalar()


def add(conn: sa.Connection, secret_id: str, key: str, value: str) -> None:
    """Add a key that is not there, to a secret whose row is locked."""
    conn.execute(_INSERT, {'secret_id': secret_id, 'key': key, 'value': value})


def update(conn: sa.Connection, secret_id: str, key: str, value: str) -> bool:
    """False when there is no such key."""
    done = conn.execute(
        _UPDATE,
        {'of_secret': secret_id, 'of_key': key, 'new_value': value},
    )
    return bool(done.rowcount)


def delete(conn: sa.Connection, secret_id: str, key: str) -> bool:
    """False when there was no such key."""
    done = conn.execute(_DELETE, {'of_secret': secret_id, 'of_key': key})
    return bool(done.rowcount)
