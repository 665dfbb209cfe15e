# SPDX-License-Identifier: Apache-2.0
"""oslo.messaging, prepared for what is asked of it here."""

import os
import tempfile
from typing import Any, Protocol

from oslo_config import cfg

from secretstore import errors
from secretstore.rpc import threads

NOT_A_URL = 'transport_url: not a URL of a message bus'
# How soon oslo.messaging looks, and then half as often each time, whether it
# is to acknowledge something. Requests and answers it acknowledges at once,
# and its own 1 ms wakes up each end several times between two of them.
_LOOK_SECONDS = 0.25


class Url(Protocol):
    """What oslo.messaging makes of a transport URL."""

    transport: str
    virtual_host: str | None
    hosts: list[Any]
    query: dict[str, str]


def library() -> Any:
    """oslo.messaging, which nothing else imports."""
    return threads.library('oslo_messaging')


def parsed(conf: cfg.ConfigOpts, url: str | None = None) -> Url:
    """A transport URL, or that of the configuration; StartupError."""
    oslo = library()
    try:
        found: Url = oslo.TransportURL.parse(conf, url)
    except (oslo.InvalidTransportURL, ValueError):
        # What it says repeats parts of the URL, such as of a password.
        raise errors.StartupError(NOT_A_URL) from None
    return found


def name_queues(conf: cfg.ConfigOpts, program: str) -> None:
    """Have the queue manager name queues after a program.

    Without that it names them after the first word of the command line, so
    that all services of a host that run under uWSGI take each other's answers.

    :raises StartupError: when it is used, and cannot do its work
    """
    group = 'oslo_messaging_rabbit'
    library()
    for name, options in threads.library('oslo_messaging.opts').list_opts():
        if str(name) == group:
            conf.register_opts(options, group=group)
    conf.set_default('processname', program, group=group)
    if conf.oslo_messaging_rabbit.use_queue_manager:
        _require_lock_path(conf)


def _require_lock_path(conf: cfg.ConfigOpts) -> None:
    option = '[oslo_messaging_rabbit] use_queue_manager needs a folder'
    path = threads.library('oslo_concurrency.lockutils').get_lock_path(conf)
    if not path:
        raise errors.StartupError(
            f'{option}: [oslo_concurrency] lock_path is not set'
        )
    try:
        os.makedirs(path, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise errors.StartupError(
            f'{option}: [oslo_concurrency] lock_path {path}: {error.strerror}'
        ) from error


def transport(conf: cfg.ConfigOpts, url: Url) -> Any:
    """oslo.messaging's transport for RPC; StartupError."""
    oslo = library()
    driver = threads.library('oslo_messaging._drivers.amqpdriver')
    driver.ACK_REQUEUE_EVERY_SECONDS_MIN = _LOOK_SECONDS
    try:
        return oslo.get_rpc_transport(conf, url)
    except oslo.DriverLoadFailure as error:
        raise errors.StartupError(f'transport_url: {error}') from error
