# SPDX-License-Identifier: Apache-2.0
"""The servers of a run: started with the fixtures of the functional tests.

All services use the same MariaDB, Keystone and memcached, and two processes
of uWSGI.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import typing

from benchmarks import (
    ceiling,
    client,
    fill,
    measure,
    operations,
    resources,
    wire,
)
from secretstore.tests.functional.services import (
    accounts,
    identity,
    mariadbd,
    memcache,
    own,
    reference,
    uwsgi,
)

THREADS = 8
_ROOT = pathlib.Path(__file__).parents[1]
# Secrets a Barbican is given through its API; the others are copied, as it
# needs minutes for 10,000.
MADE_BY_API = 400
_COUNT_COPIES = """UPDATE project_usage SET secrets = secrets + {count}
 WHERE project_id = (SELECT project_id FROM secrets WHERE id = '{template}')
 LIMIT 1"""
_ROLES = accounts.BENCH.roles


class Ceiling(uwsgi.WsgiServer):
    """The application of ceiling.py."""

    name = 'ceiling'
    module = 'benchmarks.ceiling:application'
    threads = THREADS

    def __init__(
        self, database: mariadbd.MariaDB, database_name: str = 'ceiling'
    ) -> None:
        super().__init__(uwsgi.own_bin())
        self._database = database
        self._database_name = database_name
        self._url = database.url(database_name, 'mysql+mysqldb')
        self.extra = ('--pythonpath', str(_ROOT))

    def prepare(self) -> None:
        self._database.create_database(self._database_name)
        ceiling.create_tables(self._url)

    def env(self) -> dict[str, str]:
        return {**super().env(), 'BENCHMARK_CEILING_DB': self._url}


class Canned(uwsgi.WsgiServer):
    """The application of canned.py."""

    name = 'canned'
    module = 'benchmarks.canned:application'
    threads = THREADS

    def __init__(self, authtoken: typing.Mapping[str, object]) -> None:
        super().__init__(uwsgi.own_bin())
        self._authtoken = {'delay_auth_decision': True, **authtoken}
        self.extra = ('--pythonpath', str(_ROOT))

    def env(self) -> dict[str, str]:
        options = json.dumps(self._authtoken)
        return {**super().env(), 'BENCHMARK_CANNED_AUTH': options}


class Barbican(reference.Barbican):
    """Barbican as it is fastest: single-threaded behind uWSGI's router.

    Eight threads per process cost it half as much CPU again per request at
    16 connections; without them only the router keeps connections alive
    without letting each one hold a process.
    """

    socket_option = '--http'

    def command(self) -> list[str]:
        return [*super().command(), '--http-keepalive=60']

    @property
    def database_name(self) -> str:
        return self._database_name


class SecretStore(own.SecretStore):
    """secretstore with the embedded conductor, on a database of its own."""

    def __init__(self, stack: Stack, driver: str, database: str) -> None:
        super().__init__(
            stack.new_database(database, driver),
            stack.with_keystone(),
            threads=THREADS,
        )
        self.database_name = database


class Stack:
    """What all services need; stops every server that it started."""

    def __init__(self) -> None:
        # A benchmark without one of its servers is none: fail, do not skip.
        os.environ['SECRETSTORE_TESTS_STRICT'] = '1'
        self._stack = contextlib.ExitStack()
        self.database = mariadbd.MariaDB(buffer_pool='2G')
        self.cache = memcache.Memcached()
        self.keystone = identity.Keystone()

    def __enter__(self) -> typing.Self:
        with contextlib.ExitStack() as starting:
            for server in (self.database, self.cache, self.keystone):
                starting.enter_context(server)
            self._stack = starting.pop_all()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()

    def target(self, url: str, project: str) -> wire.Target:
        """The benchmark's user in a project, which is made when missing."""
        directory = accounts.Directory(self.keystone.auth_url)
        directory.ensure_account(
            accounts.Account('bench', project, roles=_ROLES)
        )
        return wire.Target(url, self.keystone.token('bench', project=project))

    def limited(self, url: str, name: str, secrets: int) -> wire.Target:
        """The benchmark's user in a project that has a quota."""
        target = self.target(url, name)
        admin = wire.Target(url, self.keystone.token())
        resources.set_quota(admin, self.keystone.project_id(name), secrets)
        return target

    def ceiling(self) -> measure.Subject:
        server = self._stack.enter_context(Ceiling(self.database))
        project = operations.Project(wire.Target(server.url, 'none'))
        project.fill(MADE_BY_API)
        return measure.Subject(
            measure.CEILING,
            server.pid,
            self.database.pid,
            project,
            operations.CEILING,
        )

    def canned(self) -> Canned:
        """A server, not started yet."""
        return Canned(self.keystone.authtoken(self.cache.address))

    def new_database(self, name: str, driver: str = 'mysqldb') -> str:
        """The URL of an empty database; what was in it before is gone."""
        self.database.create_database(name)
        return self.database.url(name, f'mysql+{driver}')

    def with_keystone(self) -> uwsgi.Options:
        return own.with_keystone(self.keystone, self.cache)

    def secretstore(
        self, driver: str = 'mysqldb', database: str = ''
    ) -> SecretStore:
        """A server, not started yet; what one before it stored is gone."""
        return SecretStore(self, driver, database or f'secretstore_{driver}')

    def reference(self) -> Barbican:
        """A Barbican, not started yet."""
        return Barbican(self.keystone, self.database, self.cache)

    def project(
        self, server: SecretStore, name: str, size: int = 32
    ) -> operations.Project:
        """A project in which payloads have that many bytes."""
        return operations.Project(self.target(server.url, name), size)

    def fill_large(
        self,
        server: SecretStore,
        project: operations.Project,
        secrets: int,
        by_api: int = 100,
    ) -> None:
        """Store some secrets through the API and copy the others."""
        project.fill(min(secrets, by_api))
        missing = secrets - len(project.ids)
        if missing:
            fill.by_copying(
                self.database.sql,
                server.database_name,
                project.ids[0],
                missing,
                _COUNT_COPIES,
            )
        listed = fill.total(project.target)
        if listed != secrets:
            raise client.LoadError(f'{listed} listed in place of {secrets}')

    def subject(
        self, secrets: int, driver: str = 'mysqldb'
    ) -> measure.Subject:
        """A secretstore whose project holds that many secrets."""
        server = self._stack.enter_context(self.secretstore(driver))
        project = self.project(server, 'bench')
        project.fill(secrets)
        project.ids = project.ids[:: max(1, secrets // MADE_BY_API)]
        name = measure.SECRETSTORE
        return measure.Subject(
            name if driver == 'mysqldb' else f'{name}-{driver}',
            server.pid,
            self.database.pid,
            project,
            operations.BESIDE,
        )

    def barbican(self, secrets: int) -> measure.Subject:
        """A Barbican whose project lists that many secrets."""
        server = self._stack.enter_context(self.reference())
        project = operations.Project(self.target(server.url, 'bench'))
        project.fill(min(MADE_BY_API, secrets))
        missing = secrets - len(project.ids)
        if missing:
            fill.by_copying(
                self.database.sql,
                server.database_name,
                project.ids[0],
                missing,
            )
        return measure.Subject(
            measure.BARBICAN,
            server.pid,
            self.database.pid,
            project,
            operations.BESIDE,
        )
