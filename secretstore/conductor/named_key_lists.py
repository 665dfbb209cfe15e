# SPDX-License-Identifier: Apache-2.0
"""Lists of what has a key by name."""

from secretstore import errors
from secretstore.db import named_keys as db_keys
from secretstore.db import paging
from secretstore.db.engine import Database, retried
from secretstore.rpc.interface import NamedKeyEntry, Page, PageQuery
from secretstore.security.delivery import Kind

Entries = Page[NamedKeyEntry]


class NamedKeyLists:
    """Pages of a project's keys of one kind, of which there is a most."""

    def __init__(self, database: Database, at_most: int) -> None:
        self._database = database
        self._at_most = at_most

    @retried
    def require_room(self, project_id: str, kind: Kind) -> None:
        """Raise QuotaReached when there are as many as there may be.

        Calls at the same moment may make some more.
        """
        with self._database.reading() as connection:
            count = db_keys.count(connection, project_id, kind)
        if count >= self._at_most:
            raise errors.QuotaReached()

    @retried
    def page(self, project_id: str, kind: Kind, query: PageQuery) -> Entries:
        asked = paging.Page(
            limit=query['limit'],
            offset=query['offset'],
            marker=query['marker'],
        )
        with self._database.reading() as connection:
            rows, total = db_keys.page(connection, project_id, kind, asked)
        return Page([_view(row) for row in rows], total)


def _view(row: db_keys.Entry) -> NamedKeyEntry:
    return {
        'object_id': row.object_id,
        'title': row.title,
        'algorithm': row.algorithm,
        'mode': row.mode,
        'bit_length': row.bit_length,
        'created': row.created_at,
    }
