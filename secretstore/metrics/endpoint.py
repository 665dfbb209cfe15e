# SPDX-License-Identifier: Apache-2.0
"""Answers scrapes, on a port that several processes listen on."""

import logging
import socket
import socketserver
import sys
import threading
from typing import TYPE_CHECKING
from wsgiref import simple_server

from secretstore import threads

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

LOG = logging.getLogger(__name__)

THREAD_NAME = 'secretstore-metrics'
Address = tuple[str, int]


class _Handler(simple_server.WSGIRequestHandler):
    # Seconds for which one who says nothing keeps others waiting.
    timeout = 5

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are no news."""


class _Server(simple_server.WSGIServer):
    """One request at a time: all that a process gives to monitoring."""

    allow_reuse_port = True

    def __init__(self, address: Address) -> None:
        self._address = address
        self.address_family = _family(address)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # http.server would ask the DNS for its own name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self._address
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        LOG.debug('A scrape was not answered: %r', sys.exception())


class Endpoint:
    """Listens, and lets a thread answer.

    Processes of one user may listen on the same address at a time, and the
    kernel picks one for each connection.  A forked process shares its
    parent's socket, and needs a thread of its own: see run().
    """

    def __init__(self, address: Address, app: 'WSGIApplication') -> None:
        """Raises OSError when the address cannot be had."""
        self._server = _Server(address)
        self._server.set_app(app)

    def run(self) -> None:
        """Begin to answer in this process."""
        thread = threading.Thread(
            target=self._server.serve_forever, name=THREAD_NAME, daemon=True
        )
        threads.start(thread)

    def stop(self) -> None:
        """Return when nothing is answered any more."""
        self._server.shutdown()
        self._server.server_close()


def require_free(address: Address) -> None:
    """Raise OSError when anybody listens there, even one who would share."""
    socket.create_server(address, family=_family(address)).close()


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ':' in address[0] else socket.AF_INET
