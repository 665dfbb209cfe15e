# SPDX-License-Identifier: Apache-2.0
"""A private RabbitMQ."""

import pathlib
import socket

from secretstore.tests.functional.services import process, system

# Debian's own wrapper switches to a user of the system's broker.
_PROGRAMS = pathlib.Path('/usr/lib/rabbitmq/bin')
_HELLO = b'AMQP\x00\x00\x09\x01'


class RabbitMQ(process.Server):
    """A broker whose user is guest, for this machine."""

    name = 'rabbitmq'

    def __init__(self) -> None:
        package = 'rabbitmq-server'
        self._server = system.find('rabbitmq-server', package, _PROGRAMS)
        self._epmd = system.find('epmd', package)
        super().__init__()
        self._names_port = system.free_port()
        self._nodes_port = system.free_port()

    @property
    def transport_url(self) -> str:
        """The URL that oslo.messaging takes."""
        return f'rabbit://guest:guest@{system.HOST}:{self.port}/'

    def env(self) -> dict[str, str]:
        own = {
            'HOME': self.folder,
            'ERL_EPMD_ADDRESS': system.HOST,
            'ERL_EPMD_PORT': self._names_port,
            'RABBITMQ_CONF_ENV_FILE': self.folder / 'none',
            'RABBITMQ_CONFIG_FILE': self.folder / 'none',
            'RABBITMQ_ADVANCED_CONFIG_FILE': self.folder / 'none',
            'RABBITMQ_ENABLED_PLUGINS_FILE': self.folder / 'plugins',
            'RABBITMQ_GENERATED_CONFIG_DIR': self.folder / 'generated',
            'RABBITMQ_MNESIA_BASE': self.folder / 'data',
            'RABBITMQ_PID_FILE': self.folder / 'pid',
            'RABBITMQ_LOGS': '-',
            'RABBITMQ_NODENAME': 'tests@localhost',
            'RABBITMQ_NODE_IP_ADDRESS': system.HOST,
            'RABBITMQ_NODE_PORT': self.port,
            'RABBITMQ_DIST_PORT': self._nodes_port,
        }
        return system.environment(**{k: str(v) for k, v in own.items()})

    def command(self) -> list[str]:
        # The broker would start epmd as a daemon, which would stay behind.
        both = '"$1" & exec "$2"'
        return ['/bin/sh', '-c', both, 'sh', self._epmd, self._server]

    def ready(self) -> bool:
        where = (system.HOST, self.port)
        try:
            with socket.create_connection(where, timeout=5) as connection:
                connection.sendall(_HELLO)
                # A frame, rather than the version that it would prefer.
                return connection.recv(1) == b'\x01'
        except OSError:
            return False
