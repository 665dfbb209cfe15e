# SPDX-License-Identifier: Apache-2.0
"""``secretstore-conductor``: keys and database, for API processes elsewhere.

Any number of these may run on one database and the same master keys.
SIGTERM lets requests finish; SIGHUP reads the configuration files again and
replaces the workers, one generation by the next.
"""

import signal
import sys
import types
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.cmd import (
    database_failures,
    observability,
    seal_keys,
    service,
    strategies,
)
from secretstore.conductor import service as conductor
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.rpc import connect, threads
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.http.listening import Listening
from secretstore.rpc.sealing import Sealing

LOG = logging.getLogger(__name__)

# Of the time for a graceful end, what remains for all but requests.
_RESERVE_SECONDS = 2
_DAY = 86400


class Worker:
    """One process of a conductor, as oslo.service wants it.

    It holds plain data until start(), which is called after the fork: no
    connection, key or thread of the first process gets into this one.
    """

    backdoor_port: int | None = None

    def __init__(
        self, conf: cfg.ConfigOpts, sockets: Listening | None
    ) -> None:
        self._conf = conf
        self._sockets = sockets
        self._server: connect.Server | None = None
        self._embedded: conductor.Embedded | None = None

    def start(self) -> None:
        try:
            with database_failures.named(), strategies.said_before():
                self._serve()
        except errors.SecretStoreError as error:
            # Another worker is started in its place, after a pause.
            _say(error)
            sys.exit(1)
        LOG.info('Serving on %s', self._where())

    def _serve(self) -> None:
        observability.start(self._conf, 'secretstore-conductor')
        embedded = self._embedded = conductor.build(self._conf)
        requests = Dispatcher(
            embedded.conductor, Sealing.from_conf(self._conf)
        )
        server = connect.server(self._conf, requests.handle, self._sockets)
        # It waits for a message bus, and may be told to end meanwhile.
        server.start()
        self._server = server
        seal_keys.log(self._conf)
        embedded.background.start()

    def _where(self) -> str:
        if self._sockets is None:
            return f'the message bus, topic {self._conf.rpc.topic}'
        return ', '.join(str(place) for place in self._sockets.addresses)

    def stop(self) -> None:
        """Return when all requests are answered; the process ends then."""
        if self._server is not None:
            # Nought is for ever, to oslo.service.
            longest = self._conf.graceful_shutdown_timeout or _DAY
            self._server.stop(max(longest - _RESERVE_SECONDS, 0.5))
        if self._embedded is not None:
            self._embedded.stop()

    def wait(self) -> None:
        """Nothing to wait for: requests come to other threads."""

    def reset(self) -> None:
        """Nothing to do: after SIGHUP a new process takes over."""


def _launcher() -> Any:
    """oslo.service on threads, which it has to be told before all else."""
    library = threads.library('oslo_service.service')
    library.ServiceBase.register(Worker)
    return library


def _verify(conf: cfg.ConfigOpts) -> None:
    """Find mistakes before there are workers that would all find them."""
    Sealing.from_conf(conf)
    database = Database.from_conf(conf)
    try:
        migration.check(database)
        strategies.try_keys(conf, database)
    finally:
        database.dispose()


def _say(error: errors.SecretStoreError) -> None:
    print(
        f'secretstore-conductor: {error.message}', file=sys.stderr, flush=True
    )


def _refuse_after_sigterm(sockets: Listening) -> None:
    """Have nobody wait for workers that end, and take no more.

    The launcher gets its signals otherwise, and replaces this handler when
    it has got that one.
    """

    def refuse(number: int, frame: types.FrameType | None) -> None:
        sockets.refuse()

    signal.signal(signal.SIGTERM, refuse)


def _run(conf: cfg.ConfigOpts, sockets: Listening | None, workers: int) -> int:
    observability.report_upon_signal(conf, 'secretstore-conductor')
    launcher = _launcher().launch(
        conf,
        Worker(conf, sockets),
        workers=workers,
        restart_method='mutate',
        start_method='fork',
    )
    if sockets is not None:
        _refuse_after_sigterm(sockets)
    return int(launcher.wait() or 0)


def main() -> int:
    """Serve until told to stop; exit status 1: one line says why not."""
    try:
        with database_failures.named():
            conf = service.load_config(sys.argv[1:])
            workers = conf.conductor.workers
            _verify(conf)
            connect.name_queues(conf, 'secretstore-conductor')
            sockets = connect.listening(conf)
            # Not this process's to start: made to see that it can be.
            connect.server(conf, bytes, sockets)
    except errors.SecretStoreError as error:
        _say(error)
        return 1
    try:
        return _run(conf, sockets, workers)
    finally:
        if sockets is not None:
            sockets.close()


if __name__ == '__main__':
    sys.exit(main())
