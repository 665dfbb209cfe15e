# SPDX-License-Identifier: Apache-2.0
"""From ``transport_url`` to what carries requests, at either end."""

from collections.abc import Callable
from typing import Protocol

from oslo_config import cfg

from secretstore.rpc import bus
from secretstore.rpc.transport import Transport


class Server(Protocol):
    """What takes requests for a conductor."""

    def start(self) -> None:
        """Serve from now on."""

    def stop(self, seconds: float) -> None:
        """Take no more, and return when those begun are answered."""


def transport(conf: cfg.ConfigOpts, url: str | None = None) -> Transport:
    """A transport to the conductors; none of them need be there yet.

    :param url: in place of [DEFAULT] transport_url
    :raises StartupError: when the URL cannot be used
    """
    return bus.BusTransport(conf, bus.parsed(conf, url))


def server(conf: cfg.ConfigOpts, handle: Callable[[bytes], bytes]) -> Server:
    """A server that gives requests to *handle*; it belongs to one process.

    :raises StartupError: when it cannot serve under transport_url
    """
    return bus.BusServer(conf, bus.parsed(conf), handle)
