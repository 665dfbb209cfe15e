# SPDX-License-Identifier: Apache-2.0
"""Delete what usage counts, one row at a time."""

import sqlalchemy as sa

from secretstore.db import usage


class Counted:
    """The rows of a table with the columns id and project_id."""

    def __init__(self, table: sa.Table, resource: usage.Resource) -> None:
        self._resource = resource
        one = table.c.id == sa.bindparam('row_id')
        self._delete = sa.delete(table).where(one)
        self._delete_returning = self._delete.returning(table.c.project_id)
        self._lock = sa.select(table.c.project_id).where(one).with_for_update()

    def delete(self, conn: sa.Connection, row_id: str) -> bool:
        """Delete a row and count it once; False when it was gone."""
        key = {'row_id': row_id}
        if conn.dialect.delete_returning:
            project_id = conn.execute(self._delete_returning, key).scalar()
        else:
            project_id = conn.execute(self._lock, key).scalar()
            if project_id is not None:
                conn.execute(self._delete, key)
        if project_id is None:
            return False
        usage.add(conn, project_id, self._resource, -1)
        return True
