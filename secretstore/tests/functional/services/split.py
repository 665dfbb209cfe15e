# SPDX-License-Identifier: Apache-2.0
"""The split form: API processes under uWSGI, conductors of their own."""

import contextlib
import pathlib
import typing

from secretstore.tests.functional.services import (
    own,
    process,
    rabbitmq,
    system,
    uwsgi,
)

_SAYS = 'Serving on '


class Conductor(process.Server):
    """secretstore-conductor on these options, which may be changed."""

    name = 'conductor'

    def __init__(self, options: uwsgi.Options, workers: int = 1) -> None:
        self._program = own.program('secretstore-conductor')
        super().__init__()
        self.workers = workers
        self.config_file = self.folder / 'conductor.conf'
        self.options = uwsgi.merge(
            options,
            {
                'conductor': {'workers': workers},
                'rpc': {'listen': self.endpoint},
            },
        )
        self._seen = 0

    @property
    def endpoint(self) -> str:
        """Where it is when it listens for HTTP."""
        return f'{system.HOST}:{self.port}'

    def env(self) -> dict[str, str]:
        return system.environment(HOME=str(self.folder))

    def prepare(self) -> None:
        uwsgi.write_options(self.config_file, self.options)
        self._seen = self.log_text().count(_SAYS)

    def command(self) -> list[str]:
        return [self._program, f'--config-file={self.config_file}']

    def ready(self) -> bool:
        return self.log_text().count(_SAYS) >= self._seen + self.workers

    def restart(self) -> None:
        self.stop()
        self.start()

    def manage(self, *words: str) -> str:
        """The output of secretstore-manage; Error when it fails."""
        self.prepare()
        return own.manage(self.config_file, self.env(), *words)


class Split:
    """Some API processes and conductors on one database.

    Options may be changed before start(); a context manager starts on entry
    and stops on exit.

    :param bus: the message bus to use; HTTP when there is none
    """

    def __init__(
        self,
        database_url: str,
        *,
        bus: rabbitmq.RabbitMQ | None = None,
        conductors: int = 2,
        workers: int = 1,
        api_processes: int = 2,
        options: uwsgi.Options | None = None,
    ) -> None:
        self.folder = process.new_folder('split')
        self.seal_key = self.folder / 'rpc.key'
        self.key_folder = self.folder / 'keys'
        options = options or {}
        sealed: uwsgi.Options = {'rpc': {'seal_key_file': self.seal_key}}
        stored = own.with_database(database_url, self.key_folder)
        self.conductors = [
            Conductor(uwsgi.merge(stored, sealed, options), workers)
            for _ in range(conductors)
        ]
        self.api = own.Api(
            uwsgi.merge(
                {
                    'DEFAULT': {'auth_strategy': 'noauth'},
                    'api': {'conductor': 'rpc'},
                },
                sealed,
                options,
            ),
            api_processes,
        )
        self._stack = contextlib.ExitStack()
        self.transport_url = bus.transport_url if bus else self._http_url()
        for server in (self.api, *self.conductors):
            server.options['DEFAULT']['transport_url'] = self.transport_url

    def _http_url(self) -> str:
        places = ','.join(each.endpoint for each in self.conductors)
        return f'http://{places}/'

    @property
    def url(self) -> str:
        return self.api.url

    def prepare(self) -> None:
        """Make the schema and the key that seals messages, once."""
        first = self.conductors[0]
        first.manage('db', 'upgrade')
        if not self.seal_key.exists():
            first.manage('rpc', 'create-seal-key')

    def start(self) -> None:
        self.prepare()
        for server in (*self.conductors, self.api):
            self._stack.enter_context(server)

    def stop(self) -> None:
        self._stack.close()

    def logs(self) -> str:
        """What all processes wrote so far."""
        return '\n'.join(
            server.log_text() for server in (self.api, *self.conductors)
        )

    def __enter__(self) -> typing.Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    for thread in pathlib.Path(f'/proc/{pid}/task').iterdir():
        found += map(int, (thread / 'children').read_text().split())
    return found
