# SPDX-License-Identifier: Apache-2.0
"""Access lists of secrets and of containers.

One half of a list is in its object's row, where all who read the object find
out for nothing that there is none; its users have a table.
"""

from collections.abc import Collection
import datetime
from typing import NamedTuple

import sqlalchemy as sa

from secretstore.db import filtering, models


class AclRow(NamedTuple):
    """An object's access list, and what decides who may see it.

    The last three are None together, when there is no list.
    """

    id: str
    project_id: str
    creator_id: str | None
    acl_project_access: bool | None
    acl_created_at: datetime.datetime | None
    acl_updated_at: datetime.datetime | None


class Seen(NamedTuple):
    """A list as it matters to one user; None as in AclRow."""

    project_access: bool | None
    named: bool


class Acls:
    """The access lists of one kind of object: of secrets or of containers.

    :param parent: the column that names the object
    """

    def __init__(
        self,
        model: type[models.Base],
        parents: type[models.Base],
        parent: str,
    ) -> None:
        table = models.table(parents)
        self._users = users = models.table(model)
        self._parent = parent
        one = table.c.id == sa.bindparam('of_parent')
        theirs = users.c[parent] == table.c.id
        mine = sa.and_(theirs, users.c.user_id == sa.bindparam('user'))
        alive = [one]
        if 'expiration' in table.c:
            alive.append(filtering.NOT_EXPIRED)
        row = [table.c[name] for name in AclRow._fields]
        self._get = (
            sa.select(*row, users.c.user_id)
            .outerjoin_from(table, users, theirs)
            .where(*alive)
            .order_by(users.c.user_id)
        )
        self._lock = sa.select(*row).where(*alive).with_for_update()
        self._seen = (
            sa.select(table.c.acl_project_access, users.c.user_id)
            .outerjoin_from(table, users, mine)
            .where(one)
        )
        self._set, self._unset = _updates(table, one)
        self._insert = sa.insert(users)
        self._delete = sa.delete(users).where(
            users.c[parent] == sa.bindparam('of_parent')
        )

    def get(
        self, conn: sa.Connection, parent_id: str, now: datetime.datetime
    ) -> tuple[AclRow, list[str]] | None:
        """The row and the users in order; None when there is no object."""
        key = {'of_parent': parent_id, 'now': now}
        found = conn.execute(self._get, key).all()
        if not found:
            return None
        users = [row.user_id for row in found if row.user_id is not None]
        return AclRow._make(found[0][:-1]), users

    def lock(
        self, conn: sa.Connection, parent_id: str, now: datetime.datetime
    ) -> AclRow | None:
        """The row, which stays as it is until the transaction ends."""
        key = {'of_parent': parent_id, 'now': now}
        found = conn.execute(self._lock, key).first()
        return None if found is None else AclRow._make(found)

    def seen_by(
        self, conn: sa.Connection, parent_id: str, user_id: str | None
    ) -> Seen | None:
        """Both halves as of one moment; None when there is no object."""
        key = {'of_parent': parent_id, 'user': user_id}
        found = conn.execute(self._seen, key).first()
        if found is None:
            return None
        return Seen(found.acl_project_access, found.user_id is not None)

    def put(
        self,
        conn: sa.Connection,
        row: AclRow,
        project_access: bool,
        users: Collection[str] | None,
        now: datetime.datetime,
    ) -> None:
        """Store the list of an object that is locked, and when.

        :param users: None leaves those that there are
        """
        if users is not None:
            self._replace_users(conn, row, users)
        conn.execute(
            self._set,
            {
                'of_parent': row.id,
                'access': project_access,
                'created': row.acl_created_at or now,
                'now': now,
            },
        )

    def remove(self, conn: sa.Connection, row: AclRow) -> None:
        """Have no list for an object that is locked."""
        if row.acl_project_access is None:
            return
        conn.execute(self._delete, {'of_parent': row.id})
        conn.execute(self._unset, {'of_parent': row.id})

    def _replace_users(
        self, conn: sa.Connection, row: AclRow, users: Collection[str]
    ) -> None:
        if row.acl_project_access is not None:
            conn.execute(self._delete, {'of_parent': row.id})
        if users:
            conn.execute(
                self._insert,
                [{self._parent: row.id, 'user_id': user} for user in users],
            )


def _updates(
    table: sa.Table, one: sa.ColumnElement[bool]
) -> tuple[sa.Update, sa.Update]:
    """Store a list's own half, and remove it."""
    update = sa.update(table).where(one)
    store = update.values(
        acl_project_access=sa.bindparam('access'),
        acl_created_at=sa.bindparam('created'),
        acl_updated_at=sa.bindparam('now'),
        updated_at=sa.bindparam('now'),
    )
    remove = update.values(
        acl_project_access=None, acl_created_at=None, acl_updated_at=None
    )
    return store, remove


OF_SECRETS = Acls(models.SecretAclUser, models.Secret, 'secret_id')
OF_CONTAINERS = Acls(models.ContainerAclUser, models.Container, 'container_id')
