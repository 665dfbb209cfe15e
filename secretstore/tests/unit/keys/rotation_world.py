# SPDX-License-Identifier: Apache-2.0
"""Conductors that rotate: two strategies, each with a directory of its own.

A failpoint counts the steps that anything takes which lasts: every call of a
strategy, before and after it, and every transaction, from before it begins to
after its commit.
"""

from collections.abc import Iterator, Mapping
import contextlib
from typing import Any, NamedTuple

from oslo_config import cfg
import sqlalchemy as sa

from secretstore.db import engine, secret_stores
from secretstore.db import keys as rows
from secretstore.keys import destroyer, hierarchy, rewrap, rotation
from secretstore.security import proprietary, workflow
from secretstore.tests.unit.db import base
from secretstore.tests.unit.keys import world
from secretstore.tests.unit.security import keydir

ROW = b'row'
PROJECTS = ('p1', 'p2', 'p3')
WAIT = 300


class Crash(BaseException):
    """The process ends here: nobody handles it."""


class Failpoint:
    """Crashes at the step with a number; 0: never."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) == self.at:
            raise Crash(name)


class Breaking(proprietary.SecurityWorkflow):
    """The strategy itself, with a failpoint around each call."""

    def __init__(self, conf: cfg.ConfigOpts, failpoint: Failpoint) -> None:
        super().__init__(conf)
        self._failpoint = failpoint

    @contextlib.contextmanager
    def _around(self, name: str) -> Iterator[None]:
        self._failpoint.step(f'before {name}')
        yield
        self._failpoint.step(f'after {name}')

    def create_master_key(self) -> str:
        with self._around('create'):
            return super().create_master_key()

    def wrap(self, reference: str, key: bytes, binding: bytes) -> bytes:
        with self._around('wrap'):
            return super().wrap(reference, key, binding)

    def unwrap(self, reference: str, wrapped: bytes, binding: bytes) -> bytes:
        with self._around('unwrap'):
            return super().unwrap(reference, wrapped, binding)

    def destroy_master_key(self, reference: str) -> None:
        with self._around('destroy'):
            super().destroy_master_key(reference)


class BreakingDatabase(engine.Database):
    """The database itself, with failpoints around transactions."""

    failpoint = Failpoint()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        self.failpoint.step('before begin')
        with super().writing() as connection:
            yield connection
            self.failpoint.step('before commit')
        self.failpoint.step('after commit')


class Conductor(NamedTuple):
    """What a process with a conductor has of keys."""

    database: engine.Database
    keys: hierarchy.KeyHierarchy
    rotation: rotation.Rotation
    rewrapper: rewrap.Rewrapper
    destroyer: destroyer.Destroyer

    def rewrap(self) -> int:
        """Move all that can be moved; how many were."""
        moved = 0
        while True:
            batch = self.rewrapper.run()
            moved += batch.moved
            if batch.away:
                raise batch.away
            if not batch.more:
                return moved


class RotationTest(world.WorldTest):
    """Strategies one, the configured one, and two."""

    def setUp(self) -> None:
        super().setUp()
        self.records: list[tuple[str, bytes, bytes]] = []

    def strategies(
        self, failpoint: Failpoint | None = None
    ) -> dict[str, workflow.BaseSecurityWorkflow]:
        return {
            name: Breaking(
                keydir.configuration(self.folder / name),
                failpoint or Failpoint(),
            )
            for name in ('one', 'two')
        }

    def process(
        self,
        *names: str,
        database: engine.Database | None = None,
        strategies: Mapping[str, workflow.BaseSecurityWorkflow] | None = None,
        batch_size: int = 2,
    ) -> Conductor:
        """A conductor with nothing in its memory; *names*: all strategies."""
        known = strategies or self.strategies()
        enabled = {name: known[name] for name in names or known}
        database = database or self.database
        keys = hierarchy.KeyHierarchy(
            database,
            enabled,
            'one',
            cache_ttl=WAIT,
            cache_size=100,
            clock=self.clock,
        )
        masters = keys.master_keys
        return Conductor(
            database,
            keys,
            rotation.Rotation(database, masters),
            rewrap.Rewrapper(
                database,
                masters,
                keys.project_keys,
                batch_size,
                # The same steps each time.
                anywhere=str,
            ),
            destroyer.Destroyer(database, masters, lambda: WAIT, self.clock),
        )

    def store(self, conductor: Conductor, *projects: str) -> None:
        """Seal a payload for each; they must open for ever."""
        for project in projects:
            payload = f'{len(self.records)} of {project}'.encode()
            sealed = conductor.keys.seal(project, payload, ROW)
            self.records.append((project, sealed.record, payload))

    def assert_all_open(self, conductor: Conductor | None = None) -> None:
        keys = (conductor or self.process()).keys
        for project, record, payload in self.records:
            self.assertEqual(payload, keys.open(project, record, ROW))

    def masters(self) -> list[tuple[str, str]]:
        """The strategy and state of each master key, the oldest first."""
        return [(row.strategy, rotation.state_of(row)) for row in self.rows()]

    def rows(self) -> list[rows.MasterKeyRow]:
        with self.database.reading() as connection:
            found = rows.master_keys(connection)
        order = dict(self.sql('SELECT id, rowid FROM master_keys'))
        return sorted(found, key=lambda row: order[row.id])

    def under(self) -> dict[str, int]:
        """How many project keys are under each strategy."""
        found: list[tuple[Any, ...]] = self.sql(
            'SELECT strategy, count(*) FROM project_keys JOIN master_keys ON '
            'master_keys.id = master_key_id GROUP BY strategy'
        )
        return dict(found)

    def files(self, name: str) -> int:
        return len(list((self.folder / name).iterdir()))

    def prefer(self, project: str, strategy: str) -> None:
        row = secret_stores.SecretStoreRow(
            strategy, strategy, base.NOW, base.NOW
        )
        with self.database.writing() as connection:
            known = secret_stores.get_all(connection)
            if strategy not in {store.strategy for store in known}:
                secret_stores.add(connection, row)
                known.append(row)
            (store,) = (s for s in known if s.strategy == strategy)
            secret_stores.prefer(connection, project, store.id)


class StockedTest(RotationTest):
    """Three projects have a key; here and there are two processes."""

    def setUp(self) -> None:
        super().setUp()
        self.here, self.there = self.process(), self.process()
        self.here.keys.start()
        self.store(self.here, *PROJECTS)

    def retire(self, number: int) -> None:
        self.here.rotation.retire(self.rows()[number].id)

    def destroy(self) -> None:
        self.here.destroyer.run()
        self.clock.now += WAIT
        self.here.destroyer.run()
