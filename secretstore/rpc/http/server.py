# SPDX-License-Identifier: Apache-2.0
"""The server: requests in, whatever answers them is called, answers out."""

from collections.abc import Callable, Sequence
import logging
import os
import select
import socket
import ssl
import threading
import time

from secretstore.rpc.http import addresses, answers
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.connection import Connection, Limits, Service
from secretstore.rpc.http.gate import Gate
from secretstore.rpc.http.listening import Held, Listening, accept
from secretstore.rpc.turned_away import TurnedAway

LOG = logging.getLogger(__name__)


class HttpServer:
    """Answers JSON that is sent by POST to ``/``, one thread per connection.

    What cannot be executed at the moment is answered with a 503 that says
    that it was not, so that it may be sent elsewhere: there are too many
    requests, or too many connections, or the server stops.

    Memory is bounded by *connections* times what a request may have.

    :param listen: where; or sockets that another process has bound and may
        share with others
    :param handle: makes an answer of a request; runs in many threads, and
        should raise nothing
    :param running: requests that are executed at once
    :param waiting: requests that may wait for that, in order
    :param patience: seconds that one may wait
    :param connections: how many there may be; beyond that, one takes the
        place of the oldest that has never had a good request
    :param mode: of unix sockets
    :raises StartupError: in the constructor, when it cannot listen there
    """

    def __init__(
        self,
        listen: Sequence[str] | Listening,
        handle: Callable[[bytes], bytes],
        *,
        running: int = 16,
        waiting: int = 64,
        patience: float = 10.0,
        connections: int = 512,
        limits: Limits = Limits(),  # noqa: B008
        tls: ssl.SSLContext | None = None,
        mode: int = 0o660,
    ) -> None:
        self._bound = not isinstance(listen, Listening)
        if not isinstance(listen, Listening):
            listen = Listening(
                [
                    addresses.to_listen_at(text, tls is not None)
                    for text in listen
                ],
                mode,
            )
        self._listening = listen
        self._stopping = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._service = Service(
            handle,
            Gate(running, waiting, patience),
            TurnedAway(),
            limits,
            tls,
            self._stopping,
        )
        self._most = connections
        self._full = False
        self._changed = threading.Condition()
        # In the order in which they came.
        self._connections: dict[Connection, None] = {}
        self._accepting: threading.Thread | None = None

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system has chosen."""
        return self._listening.addresses

    def start(self) -> None:
        """Begin to answer.

        Processes that share sockets have a server each, made after the fork.
        """
        self._accepting = threading.Thread(
            target=self._accept, name='rpc-http-accept', daemon=True
        )
        self._accepting.start()

    def stop(self, grace: float) -> bool:
        """Finish what is being executed, and refuse all else.

        Returns whether everything was answered; what still runs after
        *grace* seconds loses its client.  A server cannot be started again.

        Sockets that it was given are left as they are: those that connect
        wait there for another process, or for
        :meth:`secretstore.rpc.http.listening.Listening.refuse`.
        """
        deadline = time.monotonic() + grace
        with self._changed:
            if self._service.gate.closed:
                return not self._connections
            self._service.gate.close()
        os.eventfd_write(self._stopping, 1)
        if self._accepting is not None:
            self._accepting.join()
        if self._bound:
            self._listening.refuse()
        done = self._wait_for_connections(deadline)
        if self._bound:
            self._listening.close()
        return done

    def _wait_for_connections(self, deadline: float) -> bool:
        with self._changed:
            done = self._changed.wait_for(
                lambda: not self._connections, deadline - time.monotonic()
            )
            rest = list(self._connections)
        if done:
            os.close(self._stopping)
        for connection in rest:
            connection.abort()
        running = self._service.gate.inside
        if running:
            LOG.warning(
                '%d requests were still running when the time to stop was '
                'over; their clients do not know what became of them',
                running,
            )
        return done and not running

    def _accept(self) -> None:
        listeners = {sock.fileno(): sock for sock in self._listening.sockets}
        poll = select.poll()
        for descriptor in (self._stopping, *listeners):
            poll.register(descriptor, select.POLLIN)
        refused = Held()
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._stopping in ready:
                refused.close()
                return
            for descriptor in ready:
                client = accept(listeners[descriptor])
                if client is not None and not self._begin(client):
                    refused.refuse(client, answers.FULL)

    def _begin(self, client: socket.socket) -> bool:
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            if len(self._connections) >= self._most:
                self._note_full()
                if not self._drop_a_stranger():
                    return False
            else:
                self._full = False
            connection = Connection(client, self._service)
            self._connections[connection] = None
        try:
            threading.Thread(
                target=self._serve,
                args=(connection,),
                name='rpc-http',
                daemon=True,
            ).start()
        except RuntimeError as error:
            LOG.warning('No thread for a connection: %s', error)
            self._end(connection)
            return False
        return True

    def _drop_a_stranger(self) -> bool:
        """Make room, if there is somebody who was never more than that."""
        for connection in self._connections:
            if not connection.trusted:
                del self._connections[connection]
                connection.abort()
                return True
        return False

    def _note_full(self) -> None:
        if not self._full:
            LOG.warning(
                'All %d connections are taken ([rpc] max_connections): '
                'others take the place of strangers, or are refused',
                self._most,
            )
        self._full = True

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        finally:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        with self._changed:
            self._connections.pop(connection, None)
            self._changed.notify_all()
