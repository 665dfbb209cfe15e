# SPDX-License-Identifier: Apache-2.0
"""Creating once what is asked for more than once.

Who asks may choose the id, and ask again with the same id when no answer
came.  Whoever finds the id taken looks here whether it is by the same thing:
then an earlier try did commit.
"""

from collections.abc import Sequence
import json
import uuid

from secretstore import errors
from secretstore.conductor import payloads
from secretstore.conductor.common import utcnow
from secretstore.db import containers as db_containers
from secretstore.db import orders as db_orders
from secretstore.db import secrets as db_secrets
from secretstore.db.containers import ContainerRow, Member
from secretstore.db.engine import Database
from secretstore.db.orders import OrderRow
from secretstore.db.secrets import SecretRow
from secretstore.keys.hierarchy import KeyHierarchy

TAKEN = 'The id that was chosen is taken by something else.'


def new_id(chosen: str | None) -> str:
    """The id that was chosen, or a new one.

    :raises InvalidInput: when it is not a random UUID as it is written
    """
    if chosen is None:
        return str(uuid.uuid4())
    try:
        # With version, a UUID that has another one would come out changed.
        if str(uuid.UUID(chosen, version=4)) == chosen:
            return chosen
    except ValueError:
        pass
    raise errors.InvalidInput('An id is a UUID of version 4 in lower case.')


def require_secret(
    database: Database,
    keys: KeyHierarchy,
    row: SecretRow,
    payload: bytes | None,
) -> None:
    """Raise Conflict unless this is the secret with this id."""
    with database.reading() as connection:
        known = db_secrets.get(connection, row.id, utcnow())
        stored = db_secrets.get_payload(connection, row.id, utcnow())
    if known is None or stored is None:
        raise errors.Conflict(TAKEN)
    as_new = row._replace(
        created_at=known.created_at, updated_at=known.updated_at
    )
    if as_new != known:
        raise errors.Conflict(TAKEN)
    held = None
    if stored.envelope is not None:
        held = payloads.unseal(keys, row.project_id, row.id, stored.envelope)
    if held != payload:
        raise errors.Conflict(TAKEN)


def require_container(
    database: Database, row: ContainerRow, members: Sequence[Member]
) -> None:
    """Raise Conflict unless this is the container with this id."""
    with database.reading() as connection:
        known = db_containers.get(connection, row.id)
        held = db_containers.members(connection, [row.id])[row.id]
    if known is None:
        raise errors.Conflict(TAKEN)
    as_new = row._replace(
        created_at=known.created_at, updated_at=known.updated_at
    )
    named = {(member.secret_id, member.name or None) for member in members}
    if as_new != known or named != {(one[0], one[1] or None) for one in held}:
        raise errors.Conflict(TAKEN)


def require_order(database: Database, row: OrderRow) -> OrderRow:
    """The order with this id; Conflict unless it is this one.

    What became of it since is not looked at, nor is its pass phrase.
    """
    with database.reading() as connection:
        known = db_orders.get(connection, row.id)
    if known is None or _asked(known) != _asked(row):
        raise errors.Conflict(TAKEN)
    return known


def _asked(row: OrderRow) -> tuple[object, ...]:
    return row.project_id, row.creator_id, row.type, json.loads(row.meta)
