# SPDX-License-Identifier: Apache-2.0
"""The servers of the split form, and of the ceilings with the same hop.

All have two API processes and two conductors.
"""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import pathlib
import sys
import typing

from benchmarks import conductors, hop, measure, operations, stack, wire
from secretstore.tests.functional.services import (
    own,
    process,
    rabbitmq,
    system,
    uwsgi,
)
from secretstore.tests.functional.services.split import Conductor, Split

EMBEDDED = 'embedded'
SPLIT_HTTP = 'split, HTTP'
SPLIT_RABBIT = 'split, RabbitMQ'
CEILING_HTTP = 'ceiling, HTTP'
ECHO_RABBIT = 'echo, RabbitMQ'
CONDUCTORS = 2
# Connections of a load, each of which holds a thread of uWSGI.
MOST_CONNECTIONS = 16
SECRETS = 400
PROJECT = 'bench-split'
Bus = rabbitmq.RabbitMQ
_CHECKOUT = pathlib.Path(__file__).parents[1]


class HopConductor(process.Server):
    """A conductor of hop.py.

    :param database_url: of the ceiling's tables
    :param bus: where to serve in place of HTTP
    """

    name = 'ceiling-conductor'

    def __init__(self, database_url: str, bus: Bus | None = None) -> None:
        super().__init__()
        self.place = f'{system.HOST}:{self.port}'
        self._url = database_url
        self._served_at = bus.transport_url if bus else self.place

    def command(self) -> list[str]:
        return [sys.executable, '-m', 'benchmarks.hop', self._served_at]

    def env(self) -> dict[str, str]:
        return system.environment(
            HOME=str(self.folder),
            PYTHONPATH=str(_CHECKOUT),
            BENCHMARK_CEILING_DB=self._url,
        )

    def ready(self) -> bool:
        return hop.SERVING in self.log_text()


class HopCeiling(stack.Ceiling):
    """The application of hop.py, in front of conductors of it."""

    module = 'benchmarks.hop:application'

    def __init__(self, servers: stack.Stack, bus: Bus | None = None) -> None:
        super().__init__(servers.database, 'echo' if bus else 'ceiling_http')
        self.conductors = [
            HopConductor(self._url, bus) for _ in range(CONDUCTORS)
        ]
        places = ','.join(each.place for each in self.conductors)
        self._transport_url = bus.transport_url if bus else f'http://{places}/'

    def env(self) -> dict[str, str]:
        return {**super().env(), hop.URL: self._transport_url}


class Servers:
    """Starts what is measured, and stops it in the end."""

    def __init__(self, servers: stack.Stack) -> None:
        self._servers = servers
        self._started = contextlib.ExitStack()

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._started.close()

    @property
    def database_pid(self) -> int:
        return self._servers.database.pid

    def subject(
        self,
        name: str,
        server: uwsgi.WsgiServer,
        others: Sequence[process.Server] = (),
        bus: Bus | None = None,
    ) -> measure.Subject:
        """A server, and some secrets in a project of it.

        :param others: the conductors behind it
        """
        if isinstance(server, stack.Ceiling):
            target = wire.Target(server.url, 'none')
        else:
            target = self._servers.target(server.url, PROJECT)
        project = operations.Project(target)
        project.fill(SECRETS)
        return measure.Subject(
            name,
            server.pid,
            self.database_pid,
            project,
            operations.CEILING,
            conductors=[each.pid for each in others],
            broker=bus.pid if bus else None,
        )

    def embedded(self) -> measure.Subject:
        server = self._servers.secretstore(database='embedded')
        return self.subject(EMBEDDED, self._started.enter_context(server))

    def barbican(self) -> measure.Subject:
        server = self._servers.reference()
        return self.subject(
            measure.BARBICAN, self._started.enter_context(server)
        )

    def bus(self) -> Bus:
        return self._started.enter_context(Bus())

    def split(self, bus: Bus | None = None) -> Split:
        """The split form, on a database of its own."""
        name = 'split_rabbitmq' if bus else 'split_http'
        return self._started.enter_context(
            Split(
                self._servers.new_database(name),
                bus=bus,
                conductors=CONDUCTORS,
                options=uwsgi.merge(
                    self._servers.with_keystone(), conductors.OPTIONS
                ),
            )
        )

    def api(
        self, split: Split, processes: int, some: Sequence[Conductor]
    ) -> own.Api:
        """Another API server, before some of the conductors.

        Its threads are as many as there are connections, however few its
        processes.
        """
        places = ','.join(each.endpoint for each in some)
        options = uwsgi.merge(
            split.api.options,
            {'DEFAULT': {'transport_url': f'http://{places}/'}},
        )
        threads = MOST_CONNECTIONS // processes
        return self._started.enter_context(
            own.Api(options, processes, threads)
        )

    def ceiling(self, bus: Bus | None = None) -> measure.Subject:
        """The ceiling over HTTP, or an echo over the bus."""
        server = HopCeiling(self._servers, bus)
        for each in (*server.conductors, server):
            self._started.enter_context(each)
        name = ECHO_RABBIT if bus else CEILING_HTTP
        return self.subject(name, server, server.conductors, bus)
