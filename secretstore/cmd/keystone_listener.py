# SPDX-License-Identifier: Apache-2.0
"""``secretstore-keystone-listener``: purge projects that Keystone deletes.

Listens on the message bus until it gets SIGTERM or SIGINT.  Any number of
these may run; those with the same pool_name share the work.
"""

import signal
import sys
from typing import Any, NoReturn

from oslo_config import cfg
from oslo_log import log as logging

from secretstore import errors
from secretstore.cmd import database_failures, observability, service
from secretstore.conductor.background import Background
from secretstore.conductor.deleted_projects import DeletedProjects
from secretstore.conductor.purge import Purge
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.rpc import messaging

LOG = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _listener(conf: cfg.ConfigOpts, endpoint: DeletedProjects) -> Any:
    library = messaging.library()
    options = conf.keystone_notifications
    try:
        transport = library.get_notification_transport(
            conf, options.transport_url
        )
        return library.get_notification_listener(
            transport,
            [
                library.Target(
                    exchange=options.control_exchange, topic=options.topic
                )
            ],
            [endpoint],
            executor='threading',
            allow_requeue=True,
            pool=options.pool_name or None,
        )
    except (library.InvalidTransportURL, ValueError):
        # What it says repeats parts of the URL, such as of a password.
        raise errors.StartupError(
            f'[keystone_notifications] {messaging.NOT_A_URL}'
        ) from None
    except (library.DriverLoadFailure, NotImplementedError) as error:
        raise errors.StartupError(
            f'[keystone_notifications] transport_url: {error}'
        ) from error


def _start(listener: Any, threads: int) -> None:
    """Wait for the message bus, for as long as it takes."""
    try:
        listener.start(override_pool_size=threads)
    except messaging.library().MessagingException as error:
        reason = ' '.join(str(error).split())
        raise errors.StartupError(
            f'Nothing can be heard on the message bus: {reason}'
        ) from error


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def _run(conf: cfg.ConfigOpts) -> None:
    observability.start(conf, 'secretstore-keystone-listener', signals=True)
    # What a large project takes to remove, nobody waits for.
    database = Database.from_conf(conf, patient=True)
    migration.check(database)
    options = conf.keystone_notifications
    endpoint = DeletedProjects(
        Purge(database, conf.collection.batch_size), options.purge_again_after
    )
    listener = _listener(conf, endpoint)
    _start(listener, options.thread_pool_size)
    background = Background([endpoint.task()])
    background.start()
    try:
        LOG.info(
            'Waiting for deleted projects: exchange %s, topic %s',
            options.control_exchange,
            options.topic,
        )
        while True:
            signal.pause()
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        endpoint.stop()
        listener.stop()
        listener.wait()
        background.stop()


def main() -> int:
    """Run until a signal comes; exit status 1: one line says why not."""
    for number in _SIGNALS:
        signal.signal(number, _end)
    try:
        with database_failures.named():
            _run(service.load_config(sys.argv[1:]))
    except errors.SecretStoreError as error:
        print(
            f'secretstore-keystone-listener: {error.message}', file=sys.stderr
        )
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
