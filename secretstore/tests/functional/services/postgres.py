# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL server."""

import functools
import os
import pathlib
import pwd
import re
import signal

from secretstore.tests.functional.services import process, system

USER = 'secretstore'


def _programs() -> list[pathlib.Path]:
    """Debian keeps the server outside of PATH; the newest release first."""
    found = pathlib.Path('/usr/lib/postgresql').glob('*/bin')
    return sorted(
        found,
        key=lambda path: [int(n) for n in re.findall(r'\d+', str(path))],
        reverse=True,
    )


@functools.cache
def _account() -> int | None:
    """PostgreSQL refuses to run as root: then it gets its own account."""
    if os.getuid():
        return None
    try:
        return pwd.getpwnam('postgres').pw_uid
    except KeyError:
        system.missing('no user postgres: install postgresql')


class PostgreSQL(process.Server):
    """PostgreSQL with durable commits, over TCP, without a password."""

    name = 'postgresql'

    def __init__(self) -> None:
        places = _programs()
        self._initdb = system.find('initdb', 'postgresql', *places)
        self._postgres = system.find('postgres', 'postgresql', *places)
        self._psql = system.find('psql', 'postgresql-client', *places)
        account = _account()
        super().__init__()
        self._data = self.folder / 'data'
        if account is not None:
            os.chown(self.folder, account, -1)

    def user(self) -> int | None:
        return _account()

    def prepare(self) -> None:
        if self._data.exists():
            return
        system.say('preparing a PostgreSQL data folder')
        system.run(
            [
                self._initdb,
                f'--pgdata={self._data}',
                f'--username={USER}',
                '--auth=trust',
                '--encoding=UTF8',
                '--locale=C',
            ],
            user=self.user(),
            cwd=self.folder,
        )

    def command(self) -> list[str]:
        settings = {
            'port': str(self.port),
            'listen_addresses': system.HOST,
            'unix_socket_directories': '',
            'max_connections': '200',
        }
        command = [self._postgres, '-D', str(self._data)]
        for name, value in settings.items():
            command += ['-c', f'{name}={value}']
        return command

    def ready(self) -> bool:
        try:
            self.sql('SELECT 1')
        except system.Error:
            return False
        return True

    def sql(self, statements: str, database: str = 'postgres') -> str:
        """Run statements as superuser; returns tab separated rows."""
        return system.run(
            [
                self._psql,
                '--no-psqlrc',
                f'--host={system.HOST}',
                f'--port={self.port}',
                f'--username={USER}',
                f'--dbname={database}',
                '--quiet',
                '--tuples-only',
                '--no-align',
                '--field-separator=\t',
                '--set=ON_ERROR_STOP=1',
            ],
            text=statements,
            seconds=120,
        )

    def create_database(self, name: str) -> None:
        """Make an empty database; one of that name is dropped before."""
        self.drop_database(name)
        self.sql(f'CREATE DATABASE "{name}"')

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def url(self, database: str, driver: str = 'postgresql+psycopg2') -> str:
        """The SQLAlchemy URL of a database."""
        return f'{driver}://{USER}@{system.HOST}:{self.port}/{database}'

    def stop_signal(self) -> int:
        # "Fast": end the sessions of clients rather than wait for them.
        return signal.SIGINT
