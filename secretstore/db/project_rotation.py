# SPDX-License-Identifier: Apache-2.0
"""Project keys are replaced, and what is sealed under them moves.

PLACES has every place in which an envelope is stored.  What it holds is bound
to its kind, to the project of its key and to its id.
"""

from collections.abc import Sequence
import datetime
from typing import Any, NamedTuple
import uuid

import sqlalchemy as sa

from secretstore.db import models, orders
from secretstore.db.keys import ProjectKeyRow, project_key_of

_keys = models.table(models.ProjectKey)
_payloads = models.table(models.SecretPayload)
_transport_keys = models.table(models.TransportKey)
_named_keys = models.table(models.NamedKey)
_orders = models.table(models.Order)

_KEY_ID = sa.bindparam('key_id', type_=models.Id)
_AFTER = sa.bindparam('after', type_=models.Id)
_AT_MOST = sa.bindparam('at_most', type_=sa.Integer)
_IN_USE = sa.select(_keys).where(
    _keys.c.project_id == sa.bindparam('of_project'),
    _keys.c.in_use == sa.true(),
)
_REPLACE = (
    sa.update(_keys)
    .where(_keys.c.id == _KEY_ID, _keys.c.in_use == sa.true())
    .values(in_use=None)
)
_REPLACED = (
    sa.select(_keys)
    .where(_keys.c.in_use.is_(None), _keys.c.id > _AFTER)
    .order_by(_keys.c.id)
    .limit(_AT_MOST)
)
_OLDER = (
    sa.select(_keys)
    .where(
        _keys.c.in_use == sa.true(),
        _keys.c.created_at < sa.bindparam('before', type_=models.Time),
        _keys.c.id > _AFTER,
    )
    .order_by(_keys.c.id)
    .limit(_AT_MOST)
)
_COUNT_REPLACED = sa.select(
    sa.select(sa.func.count())
    .select_from(_keys)
    .where(_keys.c.in_use.is_(None))
    .scalar_subquery(),
    sa.select(sa.func.count())
    .select_from(_payloads)
    .join(_keys, _keys.c.id == _payloads.c.project_key_id)
    .where(_keys.c.in_use.is_(None))
    .scalar_subquery(),
)
_LOCK = (
    sa.select(_keys.c.id)
    .where(_keys.c.id == _KEY_ID, _keys.c.in_use.is_(None))
    .with_for_update()
)
_DELETE = sa.delete(_keys).where(_keys.c.id == _KEY_ID)


class Envelope(NamedTuple):
    """What is stored for one object."""

    id: str
    envelope: bytes


class Place:
    """A column of envelopes.

    :param kind: the kind in the binding of what it holds
    :param under: whether a row is under the project key of that name
    """

    def __init__(
        self,
        kind: str,
        object_id: sa.Column[Any],
        envelope: sa.Column[Any],
        under: sa.ColumnElement[bool],
        key_id: sa.Column[Any] | None,
    ) -> None:
        self.kind = kind
        self.column = envelope
        self._some = (
            sa.select(object_id, envelope)
            .where(under, object_id > _AFTER)
            .order_by(object_id)
            .limit(_AT_MOST)
        )
        values: dict[str, Any] = {
            envelope.name: sa.bindparam('new', type_=models.Bytes)
        }
        if key_id is not None:
            values[key_id.name] = sa.bindparam('new_key', type_=models.Id)
        self._move = (
            sa.update(envelope.table)
            .where(object_id == sa.bindparam('of_object', type_=models.Id))
            .where(under)
            .values(values)
        )

    def some(
        self, conn: sa.Connection, key_id: str, after: str, at_most: int
    ) -> list[Envelope]:
        """Envelopes under a project key, in order of id.

        One that is missing is empty, as another that is damaged might be.
        """
        values = {**_named(key_id), 'after': after, 'at_most': at_most}
        return [
            Envelope(object_id, bytes(envelope or b''))
            for object_id, envelope in conn.execute(self._some, values)
        ]

    def move(
        self,
        conn: sa.Connection,
        key_id: str,
        new_key_id: str,
        moved: Envelope,
    ) -> bool:
        """Put one under another key; False when it is not under the first."""
        done = conn.execute(
            self._move,
            {
                **_named(key_id),
                'of_object': moved.id,
                'new_key': new_key_id,
                'new': moved.envelope,
            },
        )
        return bool(done.rowcount)


def _named(key_id: str) -> dict[str, object]:
    return {'key_id': key_id, 'key_bytes': uuid.UUID(key_id).bytes}


PLACES: Sequence[Place] = (
    Place(
        'secret',
        _payloads.c.secret_id,
        _payloads.c.envelope,
        _payloads.c.project_key_id == _KEY_ID,
        _payloads.c.project_key_id,
    ),
    Place(
        'transport key',
        _transport_keys.c.id,
        _transport_keys.c.envelope,
        _transport_keys.c.project_key_id == _KEY_ID,
        _transport_keys.c.project_key_id,
    ),
    Place(
        'named key',
        _named_keys.c.id,
        _named_keys.c.envelope,
        _named_keys.c.project_key_id == _KEY_ID,
        _named_keys.c.project_key_id,
    ),
    Place(
        'order pass phrase',
        _orders.c.id,
        _orders.c.pass_phrase,
        # Those that wait are few, and only they have one. The id of the key
        # comes after the version byte.
        sa.and_(
            _orders.c.status == orders.PENDING,
            sa.func.substr(_orders.c.pass_phrase, 2, 16)
            == sa.bindparam('key_bytes', type_=models.Bytes),
        ),
        None,
    ),
)


def in_use(conn: sa.Connection, project_id: str) -> ProjectKeyRow | None:
    """The project's key in use, whatever strategy it prefers."""
    found = conn.execute(_IN_USE, {'of_project': project_id})
    return project_key_of(found.first())


def replace(conn: sa.Connection, key_id: str) -> bool:
    """Use a key no longer; False when it is not in use."""
    return bool(conn.execute(_REPLACE, {'key_id': key_id}).rowcount)


def replaced(
    conn: sa.Connection, after: str, at_most: int
) -> list[ProjectKeyRow]:
    """Keys that are in use no longer, in order of id."""
    return _rows(conn, _REPLACED, after=after, at_most=at_most)


def count_replaced(conn: sa.Connection) -> tuple[int, int]:
    """How many keys are in use no longer, and secrets under them."""
    keys, secrets = conn.execute(_COUNT_REPLACED).one()
    return keys, secrets


def older(
    conn: sa.Connection, before: datetime.datetime, after: str, at_most: int
) -> list[ProjectKeyRow]:
    """Keys in use that were made before then, in order of id."""
    return _rows(conn, _OLDER, before=before, after=after, at_most=at_most)


def delete(conn: sa.Connection, key_id: str) -> bool:
    """Remove a key; False when it is in use, gone, or has anything under it.

    Not for one that a process may still seal under.
    """
    if conn.execute(_LOCK, {'key_id': key_id}).first() is None:
        return False
    if any(place.some(conn, key_id, '', 1) for place in PLACES):
        return False
    conn.execute(_DELETE, {'key_id': key_id})
    return True


def _rows(
    conn: sa.Connection, statement: sa.Select[Any], **values: object
) -> list[ProjectKeyRow]:
    found = map(project_key_of, conn.execute(statement, values))
    return [row for row in found if row is not None]
