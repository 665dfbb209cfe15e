# SPDX-License-Identifier: Apache-2.0
"""What the tests of the database have in common.

The *_suite modules hold tests for any database; test_* modules here run
them on SQLite files, functional tests on the servers.
"""

from collections.abc import Callable, Iterator
import contextlib
import datetime
import shutil
import tempfile
import threading
from typing import Any, ClassVar
import unittest
import uuid

import sqlalchemy as sa
from sqlalchemy import event

from secretstore.db import containers, migration, models, secrets
from secretstore.db.engine import Database

NOW = datetime.datetime(2026, 11, 22, 12, 30, 15, 123456)
SECOND = datetime.timedelta(seconds=1)
PROJECT = 'a' * 32
PAYLOAD = secrets.StoredPayload(str(uuid.UUID(int=7)), b'\x01envelope\x00')


def secret(**fields: Any) -> secrets.SecretRow:
    return secrets.SecretRow(
        id=str(uuid.uuid4()),
        project_id=PROJECT,
        creator_id='b' * 32,
        name=None,
        secret_type='opaque',
        algorithm=None,
        bit_length=None,
        mode=None,
        content_type=None,
        expiration=None,
        created_at=NOW,
        updated_at=NOW,
    )._replace(**fields)


class DatabaseTest(unittest.TestCase):
    """A test against one database per class, emptied before each test."""

    url: ClassVar[str]

    @classmethod
    def make_url(cls) -> str:
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        return f'sqlite:///{folder}/secretstore.db'

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.url = cls.make_url()
        migration.upgrade(cls.url)

    def setUp(self) -> None:
        super().setUp()
        self.database = Database(self.url, pool_size=20)
        self.addCleanup(self.database.dispose)
        with self.database.writing() as conn:
            for table in reversed(models.Base.metadata.sorted_tables):
                conn.execute(sa.delete(table))

    def store(self, *rows: secrets.SecretRow) -> None:
        with self.database.writing() as conn:
            for row in rows:
                secrets.insert(conn, row, None)

    def store_container(self) -> str:
        """The id of a new container."""
        row = containers.ContainerRow(
            id=str(uuid.uuid4()),
            project_id=PROJECT,
            creator_id=None,
            name=None,
            type='generic',
            created_at=NOW,
            updated_at=NOW,
        )
        with self.database.writing() as conn:
            containers.insert(conn, row, [])
        return row.id

    def remove(self, row: secrets.SecretRow) -> bool:
        with self.database.writing() as conn:
            return secrets.delete(conn, row.id)

    def page(
        self, *, filters: secrets.Filters | None = None, **fields: Any
    ) -> tuple[list[secrets.SecretRow], int]:
        page = secrets.Page(**{'limit': 10} | fields)
        with self.database.reading() as conn:
            return secrets.page(
                conn, PROJECT, filters or secrets.Filters(), page, NOW
            )

    def total(self) -> int:
        return self.page(limit=1)[1]

    def together(
        self, count: int, call: Callable[[int], Any]
    ) -> list[Any | BaseException]:
        """What call(0) to call(count - 1), all at once, gave or raised."""
        outcome: list[Any | BaseException] = [None] * count
        start = threading.Barrier(count)

        def run(number: int) -> None:
            start.wait()
            try:
                outcome[number] = call(number)
            except Exception as error:
                outcome[number] = error

        threads = [
            threading.Thread(target=run, args=(number,))
            for number in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcome


@contextlib.contextmanager
def statements(
    conn: sa.Connection | type[sa.Engine],
) -> Iterator[list[tuple[str, Any]]]:
    """The statements, with parameters, of a connection or all meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(*args: Any) -> None:
        seen.append((args[2], args[3]))

    event.listen(conn, 'before_cursor_execute', note)
    try:
        yield seen
    finally:
        event.remove(conn, 'before_cursor_execute', note)
