# SPDX-License-Identifier: Apache-2.0
"""A private MariaDB server."""

import getpass

from secretstore.tests.functional.services import process, system

PASSWORD = 'throw-away'


class MariaDB(process.Server):
    """MariaDB with durable commits; commits survive kill() and start().

    Everyone who knows the password is root over TCP from this machine.
    """

    name = 'mariadb'

    def __init__(self, buffer_pool: str = '256M') -> None:
        self._mariadbd = system.find('mariadbd', 'mariadb-server')
        self._install = system.find('mariadb-install-db', 'mariadb-server')
        self._client = system.find('mariadb', 'mariadb-client')
        super().__init__()
        self._buffer_pool = buffer_pool
        self._data = self.folder / 'data'
        self._users = self.folder / 'users.sql'

    def prepare(self) -> None:
        if self._data.exists():
            return
        system.say('preparing a MariaDB data folder')
        self._users.write_text(
            f"ALTER USER root@localhost IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO root@'{system.HOST}'"
            f" IDENTIFIED BY '{PASSWORD}' WITH GRANT OPTION;\n"
        )
        system.run(
            [
                self._install,
                '--no-defaults',
                f'--user={getpass.getuser()}',
                f'--datadir={self._data}',
                '--auth-root-authentication-method=normal',
                '--skip-test-db',
            ]
        )

    def command(self) -> list[str]:
        return [
            self._mariadbd,
            '--no-defaults',
            f'--user={getpass.getuser()}',
            f'--datadir={self._data}',
            f'--socket={self.folder}/socket',
            f'--pid-file={self.folder}/pid',
            f'--bind-address={system.HOST}',
            f'--port={self.port}',
            '--skip-name-resolve',
            '--character-set-server=utf8mb4',
            '--max-connections=500',
            f'--innodb-buffer-pool-size={self._buffer_pool}',
            '--innodb-flush-log-at-trx-commit=1',
            f'--init-file={self._users}',
        ]

    def ready(self) -> bool:
        try:
            self.sql('SELECT 1')
        except system.Error:
            return False
        return True

    def sql(self, statements: str, database: str = '') -> str:
        """Run statements as root; returns tab separated rows."""
        return system.run(
            [
                self._client,
                '--no-defaults',
                f'--host={system.HOST}',
                f'--port={self.port}',
                '--user=root',
                f'--password={PASSWORD}',
                '--batch',
                '--skip-column-names',
                database,
            ],
            text=statements,
            seconds=120,
        )

    def create_database(self, name: str, charset: str = 'utf8mb4') -> None:
        """Make an empty database; one of that name is dropped before."""
        self.drop_database(name)
        self.sql(f'CREATE DATABASE `{name}` CHARACTER SET {charset}')

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS `{name}`')

    def url(self, database: str, driver: str = 'mysql+pymysql') -> str:
        """The SQLAlchemy URL of a database."""
        return (
            f'{driver}://root:{PASSWORD}@{system.HOST}:{self.port}'
            f'/{database}?charset=utf8mb4'
        )
