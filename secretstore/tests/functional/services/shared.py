# SPDX-License-Identifier: Apache-2.0
"""Servers that all tests of a process share: started on first use.

Starting a server takes longer than most tests, so tests share one and take
a database, a project or a user of their own inside it. All are stopped when
the process ends. A test that stops or breaks a server makes its own.
"""

import atexit
import threading
import typing

from secretstore.tests.functional.services import (
    identity,
    mariadbd,
    memcache,
    own,
    postgres,
    reference,
)

Database = mariadbd.MariaDB | postgres.PostgreSQL


class Startable(typing.Protocol):
    """What can be shared."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


T = typing.TypeVar('T', bound=Startable)

_starting = threading.RLock()


class Shared(typing.Generic[T]):
    """Calling it gives the one running server of its kind.

    What went wrong at the first call is raised again by all others: a
    server that takes a minute to fail does so once.
    """

    def __init__(self, make: typing.Callable[[], T]) -> None:
        self._make = make
        self._server: T | None = None
        self._failure: Exception | None = None

    def __call__(self) -> T:
        with _starting:
            if self._failure is not None:
                raise self._failure
            try:
                return self._started()
            except Exception as exc:
                self._failure = exc
                raise

    def _started(self) -> T:
        if self._server is None:
            server = self._make()
            atexit.register(server.stop)
            server.start()
            self._server = server
        return self._server


mariadb = Shared(mariadbd.MariaDB)
postgresql = Shared(postgres.PostgreSQL)
memcached = Shared(memcache.Memcached)
keystone = Shared(identity.Keystone)
barbican = Shared(
    lambda: reference.Barbican(keystone(), mariadb(), memcached())
)


def _secretstore() -> own.SecretStore:
    database = mariadb()
    database.create_database('secretstore')
    return own.SecretStore(
        database.url('secretstore'),
        own.with_keystone(keystone(), memcached()),
    )


secretstore = Shared(_secretstore)
standalone = Shared(own.Standalone)
