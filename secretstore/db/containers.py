# SPDX-License-Identifier: Apache-2.0
"""Containers: one row each, with a row for each secret that is in one."""

from collections.abc import Collection, Sequence
import datetime
from typing import Any, NamedTuple

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore.db import filtering, models, paging, quotas, usage
from secretstore.db.paging import Page as Page

# A secret's id, and the name it has in the container.
Member = tuple[str, str | None]


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


_containers = models.table(models.Container)
_members = models.table(models.ContainerSecret)
_secrets = models.table(models.Secret)

_OF_PROJECT = paging.Listing(
    _containers,
    _containers.c.project_id == paging.SCOPE,
    usage='containers',
)
_ID = _containers.c.id == sa.bindparam('container_id', type_=models.Id)
_INSERT = sa.insert(_containers)
_GET = sa.select(_containers).where(_ID)
_LOCK = _GET.with_for_update()
_DELETE = sa.delete(_containers).where(_ID)
_TOUCH = (
    sa.update(_containers).where(_ID).values(updated_at=sa.bindparam('now'))
)
_INSERT_MEMBER = sa.insert(_members)
_MEMBERS = (
    sa.select(_members.c.container_id, _members.c.secret_id, _members.c.name)
    .where(_members.c.container_id.in_(sa.bindparam('ids', expanding=True)))
    .order_by(_members.c.container_id, _members.c.name, _members.c.secret_id)
)
_DELETE_MEMBER = sa.delete(_members).where(
    _members.c.container_id == sa.bindparam('of_container'),
    _members.c.secret_id == sa.bindparam('of_secret'),
    _members.c.name == sa.bindparam('of_name'),
)
_PRESENT = sa.select(_secrets.c.id).where(
    _secrets.c.id.in_(sa.bindparam('ids', expanding=True)),
    _secrets.c.project_id == sa.bindparam('of_project'),
    filtering.NOT_EXPIRED,
)


def insert(
    conn: sa.Connection,
    row: ContainerRow,
    members: Sequence[Member],
    limits: quotas.Limits = quotas.UNLIMITED,
) -> None:
    """Add a container with its members, as a transaction's last step.

    :param limits: those of projects without their own
    :raises DBDuplicateEntry: when its id is taken
    :raises DBReferenceError: when a member was deleted
    :raises QuotaReached: when the project has as many as it may have
    """
    conn.execute(_INSERT, row._asdict())
    if members:
        conn.execute(
            _INSERT_MEMBER,
            [_member_values(row.id, member) for member in members],
        )
    quotas.take(conn, row.project_id, 'containers', limits, row.created_at)


def get(conn: sa.Connection, container_id: str) -> ContainerRow | None:
    return _found(conn, _GET, container_id)


def lock(conn: sa.Connection, container_id: str) -> ContainerRow | None:
    """What get() gives, as it stays until the transaction ends."""
    return _found(conn, _LOCK, container_id)


def members(
    conn: sa.Connection, container_ids: Sequence[str]
) -> dict[str, list[Member]]:
    """The members of each container, in the order of their names."""
    found: dict[str, list[Member]] = {one: [] for one in container_ids}
    if container_ids:
        for row in conn.execute(_MEMBERS, {'ids': container_ids}):
            found[row.container_id].append((row.secret_id, row.name or None))
    return found


def present(
    conn: sa.Connection,
    project_id: str,
    secret_ids: Collection[str],
    now: datetime.datetime,
) -> set[str]:
    """Which of these are secrets of the project."""
    if not secret_ids:
        return set()
    values = {'ids': list(secret_ids), 'of_project': project_id, 'now': now}
    return set(conn.execute(_PRESENT, values).scalars())


def add_member(
    conn: sa.Connection,
    container_id: str,
    member: Member,
    now: datetime.datetime,
) -> bool:
    """Put a secret in; False, and nothing changed, when it is in there.

    :raises DBReferenceError: when the secret or the container was deleted
    """
    try:
        # PostgreSQL gives up the whole transaction otherwise.
        with conn.begin_nested():
            conn.execute(_INSERT_MEMBER, _member_values(container_id, member))
    except db_exc.DBDuplicateEntry:
        return False
    conn.execute(_TOUCH, {'container_id': container_id, 'now': now})
    return True


def remove_member(
    conn: sa.Connection,
    container_id: str,
    member: Member,
    now: datetime.datetime,
) -> bool:
    """Take a secret out; False when it was not in there by that name."""
    values = _member_values(container_id, member)
    done = conn.execute(
        _DELETE_MEMBER,
        {f'of_{key.removesuffix("_id")}': values[key] for key in values},
    )
    if not done.rowcount:
        return False
    conn.execute(_TOUCH, {'container_id': container_id, 'now': now})
    return True


def delete(conn: sa.Connection, row: ContainerRow) -> bool:
    """Remove a container, not its secrets; False when it was gone.

    Raises DBReferenceError while it has consumers.
    """
    if not conn.execute(_DELETE, {'container_id': row.id}).rowcount:
        return False
    usage.add(conn, row.project_id, 'containers', -1)
    return True


def page(
    conn: sa.Connection,
    project_id: str,
    page: Page,
    name: str | None = None,
    type_: str | None = None,
) -> tuple[list[ContainerRow], int]:
    """One page of a project's containers, and how many there are in all.

    :param name: wanted to the letter; None asks for nothing
    """
    conditions = filtering.conditions({'name': name, 'type': type_})
    rows, total = paging.page(conn, _OF_PROJECT, project_id, page, conditions)
    return [ContainerRow._make(row[:-1]) for row in rows], total


def _found(
    conn: sa.Connection, statement: sa.Select[Any], container_id: str
) -> ContainerRow | None:
    found = conn.execute(statement, {'container_id': container_id}).first()
    return None if found is None else ContainerRow._make(found)


def _member_values(container_id: str, member: Member) -> dict[str, str]:
    secret_id, name = member
    return {
        'container_id': container_id,
        'secret_id': secret_id,
        # Part of the key, where NULL cannot be.
        'name': name or '',
    }
