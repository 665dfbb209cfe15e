# SPDX-License-Identifier: Apache-2.0
"""A real database file, a real key directory, and counters beside them."""

from collections import Counter
from collections.abc import Callable
import pathlib
import threading
from typing import Any
import unittest

from oslo_config import cfg
import sqlalchemy as sa
from sqlalchemy import event

from secretstore.db import engine, migration
from secretstore.keys import hierarchy
from secretstore.security import proprietary
from secretstore.tests.unit.security import keydir

STRATEGY = 'proprietary'


def _nothing() -> None:
    """By default nothing happens meanwhile."""


class Watched(proprietary.SecurityWorkflow):
    """The strategy itself; counts calls and the connections held then."""

    def __init__(self, conf: cfg.ConfigOpts, statements: 'Statements') -> None:
        super().__init__(conf)
        self.calls: Counter[str] = Counter()
        self.held = 0
        # Happens once, between what is read and what is written.
        self.before_wrap: Callable[[], None] = _nothing
        self._statements = statements

    def _count(self, name: str) -> None:
        self.calls[name] += 1
        self.held += self._statements.held_here()

    def create_master_key(self) -> str:
        self._count('create')
        return super().create_master_key()

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        self._count('wrap')
        meanwhile, self.before_wrap = self.before_wrap, _nothing
        meanwhile()
        return super().wrap(reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        self._count('unwrap')
        return super().unwrap(reference, wrapped, binding)

    def destroy_master_key(self, reference: str) -> None:
        self._count('destroy')
        super().destroy_master_key(reference)

    def check(self) -> None:
        self._count('check')
        super().check()


class Statements:
    """Counts SQL statements, and connections in use per thread."""

    def __init__(self, test: unittest.TestCase) -> None:
        self.count = 0
        self._mine = threading.local()
        for target, name, listener in (
            (sa.Engine, 'before_cursor_execute', self._executed),
            (sa.pool.Pool, 'checkout', self._out),
            (sa.pool.Pool, 'checkin', self._in),
        ):
            event.listen(target, name, listener)
            test.addCleanup(event.remove, target, name, listener)

    def held_here(self) -> int:
        return getattr(self._mine, 'held', 0)

    def _executed(self, *args: Any) -> None:
        self.count += 1

    def _out(self, *args: Any) -> None:
        self._mine.held = self.held_here() + 1

    def _in(self, *args: Any) -> None:
        self._mine.held = self.held_here() - 1


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class WorldTest(unittest.TestCase):
    """An empty, upgraded database and an empty key directory."""

    def setUp(self) -> None:
        self.folder = keydir.temporary_directory(self)
        self.keys = self.folder / 'keys'
        self.conf = keydir.configuration(self.keys)
        self.url = f'sqlite:///{self.folder}/secretstore.db'
        migration.upgrade(self.url)
        self.statements = Statements(self)
        self.clock = Clock()
        self.database = engine.Database(self.url)
        self.addCleanup(self.database.dispose)

    def strategy(self) -> Watched:
        return Watched(self.conf, self.statements)

    def hierarchy(
        self, strategy: proprietary.SecurityWorkflow, ttl: float = 300
    ) -> hierarchy.KeyHierarchy:
        """A conductor's: its caches are its own."""
        return hierarchy.KeyHierarchy(
            self.database,
            {STRATEGY: strategy},
            STRATEGY,
            cache_ttl=ttl,
            cache_size=100,
            clock=self.clock,
        )

    def key_files(self) -> list[pathlib.Path]:
        return sorted(self.keys.iterdir())

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.database.writing() as connection:
            result = connection.execute(sa.text(statement), values)
            if not result.returns_rows:
                return []
            return [tuple(row) for row in result]
