# SPDX-License-Identifier: Apache-2.0
"""What policy rules look at of an object, its access list included.

For an object without an access list this asks the database nothing; for one
with a list one row by its key, however many users the list has.
"""

from typing import NamedTuple, Protocol

import sqlalchemy as sa

from secretstore.conductor import targets
from secretstore.conductor.authorization import Target
from secretstore.context import RequestContext
from secretstore.db import acls


class Listed(targets.Shared, Protocol):
    """A row by whose id the rest of its access list is found."""

    @property
    def id(self) -> str: ...


class _Shared(NamedTuple):
    project_id: str
    creator_id: str | None
    acl_project_access: bool | None


def to_secret(
    connection: sa.Connection, context: RequestContext, row: Listed
) -> Target:
    """The target for rules about a secret that this caller wants to use."""
    return targets.secret_target(
        *_seen(acls.OF_SECRETS, connection, context, row)
    )


def to_container(
    connection: sa.Connection, context: RequestContext, row: Listed
) -> Target:
    """The target for rules about a container."""
    return targets.container_target(
        *_seen(acls.OF_CONTAINERS, connection, context, row)
    )


def _seen(
    kind: acls.Acls,
    connection: sa.Connection,
    context: RequestContext,
    row: Listed,
) -> tuple[targets.Shared, bool]:
    if row.acl_project_access is None:
        return row, False
    # Both halves anew: with one from before and one from after a change,
    # somebody whom both lists let in could be refused.
    seen = kind.seen_by(connection, row.id, context.user_id)
    if seen is None:
        return row, False
    shared = _Shared(row.project_id, row.creator_id, seen.project_access)
    return shared, seen.named
