# SPDX-License-Identifier: Apache-2.0
"""Containers: one row each, with the secrets in them in a table beside it."""

from collections.abc import Iterable, Sequence
import datetime
from typing import NamedTuple

import sqlalchemy as sa

from secretstore.db import filtering, models, paging, quotas
from secretstore.db.counted import Counted
from secretstore.db.paging import Page as Page


class ContainerRow(NamedTuple):
    """A row of containers, in the order of its columns."""

    id: str
    project_id: str
    creator_id: str | None
    name: str | None
    type: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    acl_project_access: bool | None = None
    acl_created_at: datetime.datetime | None = None
    acl_updated_at: datetime.datetime | None = None


class Member(NamedTuple):
    """A secret in a container; an empty name is the same as None."""

    secret_id: str
    name: str | None


_containers = models.table(models.Container)
_members = models.table(models.ContainerSecret)

_OF_PROJECT = paging.Listing(
    _containers, _containers.c.project_id == paging.SCOPE, usage='containers'
)
_COUNTED = Counted(_containers, 'containers')
_INSERT = sa.insert(_containers)
_INSERT_MEMBERS = sa.insert(_members)
_GET = sa.select(_containers).where(
    _containers.c.id == sa.bindparam('container_id')
)
_LOCK = _GET.with_for_update()
_MEMBERS = (
    sa.select(_members.c.container_id, _members.c.secret_id, _members.c.name)
    .where(
        _members.c.container_id.in_(
            sa.bindparam('container_ids', expanding=True)
        )
    )
    .order_by(_members.c.container_id, _members.c.name, _members.c.secret_id)
)
_DELETE_MEMBER = sa.delete(_members).where(
    _members.c.container_id == sa.bindparam('of_container'),
    _members.c.name == sa.bindparam('of_name'),
    _members.c.secret_id == sa.bindparam('of_secret'),
)


def insert(
    conn: sa.Connection,
    row: ContainerRow,
    members: Iterable[tuple[str, str | None]],
    limits: quotas.Limits = quotas.UNLIMITED,
) -> None:
    """Add a container, as the last step of a transaction.

    :param members: as in Member, none twice
    :param limits: those of projects without their own
    :raises DBDuplicateEntry: when its id is taken
    :raises DBReferenceError: when a secret is gone
    :raises QuotaReached: when the project has as many as it may have
    """
    add(conn, row, members)
    quotas.take(conn, row.project_id, 'containers', limits, row.created_at)


def add(
    conn: sa.Connection,
    row: ContainerRow,
    members: Iterable[tuple[str, str | None]],
) -> None:
    """What insert() does, for whoever counts it among others."""
    conn.execute(_INSERT, row._asdict())
    values = [_values(row.id, Member(*member)) for member in members]
    if values:
        conn.execute(_INSERT_MEMBERS, values)


def get(conn: sa.Connection, container_id: str) -> ContainerRow | None:
    return _found(conn, _GET, container_id)


def lock(conn: sa.Connection, container_id: str) -> ContainerRow | None:
    """What get() gives, as it stays until the transaction ends."""
    return _found(conn, _LOCK, container_id)


def _found(
    conn: sa.Connection, statement: sa.Select[tuple[str]], container_id: str
) -> ContainerRow | None:
    found = conn.execute(statement, {'container_id': container_id}).first()
    return None if found is None else ContainerRow._make(found)


def members(
    conn: sa.Connection, container_ids: Sequence[str]
) -> dict[str, list[Member]]:
    """The secrets in each container, in the order of name and id."""
    found: dict[str, list[Member]] = {key: [] for key in container_ids}
    if container_ids:
        values = {'container_ids': container_ids}
        for row in conn.execute(_MEMBERS, values):
            member = Member(row.secret_id, row.name or None)
            found[row.container_id].append(member)
    return found


def add_member(conn: sa.Connection, container_id: str, member: Member) -> None:
    """Put one more secret into a container.

    :raises DBDuplicateEntry: when it is there under this name
    :raises DBReferenceError: when the container or the secret is gone
    """
    conn.execute(_INSERT_MEMBERS, _values(container_id, member))


def remove_member(
    conn: sa.Connection, container_id: str, member: Member
) -> bool:
    """Take a secret out of a container; False when it was not there."""
    values = _values(container_id, member)
    done = conn.execute(
        _DELETE_MEMBER,
        {
            'of_container': values['container_id'],
            'of_name': values['name'],
            'of_secret': values['secret_id'],
        },
    )
    return bool(done.rowcount)


def delete(conn: sa.Connection, container_id: str) -> bool:
    """Remove a container with all that is its own; False when it was gone.

    Its secrets stay. Raises DBReferenceError while it has consumers.
    """
    return _COUNTED.delete(conn, container_id)


def page(
    conn: sa.Connection,
    project_id: str,
    page: Page,
    name: str | None = None,
    type_: str | None = None,
) -> tuple[list[ContainerRow], int]:
    """One page of a project's containers, and how many there are in all.

    :param name: only those of this name, to the case
    :param type_: only those of this type
    """
    conditions = filtering.conditions({'name': name, 'type': type_})
    rows, total = paging.page(conn, _OF_PROJECT, project_id, page, conditions)
    return [ContainerRow._make(row[:-1]) for row in rows], total


def _values(container_id: str, member: Member) -> dict[str, str]:
    return {
        'container_id': container_id,
        'name': member.name or '',
        'secret_id': member.secret_id,
    }
