# SPDX-License-Identifier: Apache-2.0
"""From ``transport_url`` to what carries requests, at either end."""

from collections.abc import Callable
import ssl
from typing import Protocol

from oslo_config import cfg

from secretstore import errors
from secretstore.rpc import bus, messaging
from secretstore.rpc.http import addresses, tls
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.client import HttpClient
from secretstore.rpc.http.connection import Limits
from secretstore.rpc.http.listening import Listening
from secretstore.rpc.http.server import HttpServer
from secretstore.rpc.transport import Transport

_OPTION = '[DEFAULT] transport_url'


class Server(Protocol):
    """What takes requests for a conductor."""

    def start(self) -> None:
        """Serve from now on."""

    def stop(self, seconds: float, /) -> object:
        """Take no more, and return when those begun are answered."""


def transport(conf: cfg.ConfigOpts, url: str | None = None) -> Transport:
    """A transport to the conductors; none of them need be there yet.

    :param url: in place of [DEFAULT] transport_url
    :raises StartupError: when the URL cannot be used
    """
    places = _over_http(url or _configured(conf))
    if places is None:
        return bus.BusTransport(conf, messaging.parsed(conf, url))
    secured = any(place.tls for place in places)
    return HttpClient(
        places,
        timeout=conf.rpc.response_timeout,
        tls=tls.for_client(_files(conf)) if secured else None,
    )


def name_queues(conf: cfg.ConfigOpts, program: str) -> None:
    """Have queues of this process be the program's own, where there are any.

    Called before transport() and server().  What the configuration says
    counts all the same.

    :raises StartupError: when transport_url, or what it needs, cannot be used
    """
    if _over_http(_configured(conf)) is None:
        messaging.name_queues(conf, program)


def listening(conf: cfg.ConfigOpts) -> Listening | None:
    """Sockets for the servers of several processes; None: they need none.

    :raises StartupError: when it cannot listen, or the URL cannot be used
    """
    places = _over_http(_configured(conf))
    if places is None:
        return None
    secured = _tls_of_server(conf) is not None
    return Listening(
        [addresses.to_listen_at(text, secured) for text in conf.rpc.listen]
    )


def server(
    conf: cfg.ConfigOpts,
    handle: Callable[[bytes], bytes],
    sockets: Listening | None = None,
) -> Server:
    """A server that gives requests to *handle*; it belongs to one process.

    :param sockets: of listening(), when other processes serve there as well
    :raises StartupError: when it cannot serve under transport_url
    """
    if sockets is None:
        sockets = listening(conf)
    if sockets is None:
        return bus.BusServer(conf, messaging.parsed(conf), handle)
    group = conf.rpc
    return HttpServer(
        sockets,
        handle,
        running=group.threads,
        waiting=group.max_queue,
        connections=group.max_connections,
        limits=Limits(body=group.max_request_size),
        tls=_tls_of_server(conf),
    )


def _configured(conf: cfg.ConfigOpts) -> str:
    """The URL, of which the option is oslo.messaging's.

    Importing that to read one option would cost a process that needs nothing
    else of it 20 MiB, and an option of our own would be in its way.
    """
    try:
        found = conf.transport_url
    except cfg.NoSuchOptError:
        reader = cfg.ConfigOpts()
        reader.register_opt(cfg.StrOpt('transport_url', secret=True))
        reader(
            [],
            default_config_files=conf.config_file or [],
            default_config_dirs=conf.config_dir or [],
        )
        found = reader.transport_url
    if not found:
        raise errors.StartupError(f'{_OPTION} is not set')
    return str(found)


def _over_http(url: str) -> tuple[Address, ...] | None:
    """The conductors in a URL; None: it is one of oslo.messaging's."""
    if url.partition('://')[0] not in addresses.SCHEMES:
        return None
    try:
        return addresses.from_url(url)
    except errors.StartupError as error:
        raise errors.StartupError(f'{_OPTION}: {error}') from error


def _files(conf: cfg.ConfigOpts) -> tls.Files:
    group = conf.rpc
    return tls.Files(
        group.ssl_cert_file, group.ssl_key_file, group.ssl_ca_file
    )


def _tls_of_server(conf: cfg.ConfigOpts) -> ssl.SSLContext | None:
    if not _configured(conf).startswith('https://'):
        return None
    if not conf.rpc.ssl_cert_file:
        raise errors.StartupError(
            f'[rpc] ssl_cert_file is not set, and {_OPTION} is https'
        )
    return tls.for_server(_files(conf))
