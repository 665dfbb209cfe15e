# SPDX-License-Identifier: Apache-2.0
"""A private memcached."""

import getpass
import socket

from secretstore.tests.functional.services import process, system


class Memcached(process.Server):
    """memcached with 64 MiB."""

    name = 'memcached'

    def __init__(self) -> None:
        self._memcached = system.find('memcached', 'memcached')
        super().__init__()

    @property
    def address(self) -> str:
        """host:port, as [keystone_authtoken] memcached_servers has it."""
        return f'{system.HOST}:{self.port}'

    def command(self) -> list[str]:
        return [
            self._memcached,
            f'--user={getpass.getuser()}',
            f'--listen={system.HOST}',
            f'--port={self.port}',
            '--memory-limit=64',
        ]

    def ask(self, line: str) -> str:
        """The answer to one line of memcached's protocol."""
        where = (system.HOST, self.port)
        with socket.create_connection(where, timeout=5) as connection:
            connection.sendall(f'{line}\r\n'.encode())
            return connection.recv(65536).decode()

    def ready(self) -> bool:
        try:
            return self.ask('version').startswith('VERSION')
        except OSError:
            return False
