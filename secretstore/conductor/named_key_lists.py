# SPDX-License-Identifier: Apache-2.0
"""Lists of what has a key by name."""

from secretstore.db import named_keys as db_keys
from secretstore.db import paging
from secretstore.db.engine import Database, retried
from secretstore.rpc.interface import NamedKeyEntry, Page, PageQuery
from secretstore.security.delivery import Kind

Entries = Page[NamedKeyEntry]


class NamedKeyLists:
    """Pages of a project's keys of one kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
