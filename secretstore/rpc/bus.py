# SPDX-License-Identifier: Apache-2.0
"""Requests through RabbitMQ, by oslo.messaging.

A message is one method, ``handle``, with one argument, ``body``: the text of
the JSON-RPC request; the text of the answer is its result.  A conductor
takes a message off its queue before it executes it, so that none is executed
twice when a conductor dies.
"""

from collections.abc import Callable
from concurrent import futures
import logging
import os
import socket
import tempfile
import threading
import time
from typing import Any, Protocol

from oslo_config import cfg

from secretstore import errors
from secretstore.rpc import threads, wire

LOG = logging.getLogger(__name__)

# Of the time for an answer, the part after which a repeatable request is sent
# once more: the conductor that took it may be gone.
_PART = 0.4
# Attempts while conductors refuse or there is none, and seconds in between.
_ATTEMPTS = 4
_PAUSE = 0.2
# How often connecting to the broker is tried within a request.
_RETRIES = 1
_CONNECT_SECONDS = 2
_PORT = 5672
# Of those who were refused, how many may wait to be told.
_MOST_REFUSALS = 1000
_METHOD = 'handle'


class Url(Protocol):
    """What oslo.messaging makes of a transport URL."""

    transport: str
    virtual_host: str | None
    hosts: list[Any]
    query: dict[str, str]


def messaging() -> Any:
    """oslo.messaging, which nothing else imports."""
    return threads.library('oslo_messaging')


def parsed(conf: cfg.ConfigOpts, url: str | None = None) -> Url:
    """A transport URL, or that of the configuration; StartupError."""
    library = messaging()
    try:
        found: Url = library.TransportURL.parse(conf, url)
    except library.InvalidTransportURL as error:
        raise errors.StartupError(f'transport_url: {error}') from error
    return found


def name_queues(conf: cfg.ConfigOpts, program: str) -> None:
    """Have the queue manager name queues after a program.

    Without that it names them after the first word of the command line, so
    that all services of a host that run under uWSGI take each other's answers.

    :raises StartupError: when it is used, and cannot do its work
    """
    group = 'oslo_messaging_rabbit'
    messaging()
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


class BusTransport:
    """Implements :class:`secretstore.rpc.transport.Transport`."""

    def __init__(self, conf: cfg.ConfigOpts, url: Url) -> None:
        self._messaging = messaging()
        self._seconds: float = conf.rpc.response_timeout
        self._url = url
        self._reached = False
        self._unreachable = (
            self._messaging.MessageDeliveryFailure,
            self._messaging.ClientSendError,
            # As it is, when there is no connection in the pool.
            threads.library('kombu.exceptions').OperationalError,
        )
        self._client = self._messaging.get_rpc_client(
            _transport(self._messaging, conf, url),
            self._messaging.Target(topic=conf.rpc.topic),
            retry=_RETRIES,
            # So that we are told when nobody has ever made the queue.
            transport_options=self._messaging.TransportOptions(
                at_least_once=True
            ),
        )

    def call(
        self,
        body: bytes,
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        give_up = time.monotonic() + self._seconds
        longest = self._seconds * (_PART if repeatable else 1)
        attempts, why = _ATTEMPTS, 'no conductor answered in time'
        self._require_broker()
        while attempts and (left := give_up - time.monotonic()) > 0:
            try:
                answer = self._sent(body, min(left, longest))
                if not refused(answer):
                    return answer
                why = wire.refusal(answer) or why
            except self._messaging.MessagingTimeout:
                if in_doubt is not None:
                    in_doubt()
                if repeatable:
                    continue
                break
            except self._messaging.MessageUndeliverable:
                why = 'there is no conductor'
            attempts -= 1
            time.sleep(_PAUSE)
        raise errors.ConductorUnavailable(f'RabbitMQ: {why}')

    def _sent(self, body: bytes, seconds: float) -> bytes:
        client = self._client.prepare(timeout=seconds)
        try:
            answer: str = client.call({}, _METHOD, body=body.decode())
        except self._unreachable as error:
            raise errors.ConductorUnavailable(
                f'RabbitMQ cannot be reached: {error}'
            ) from error
        return answer.encode()

    def _require_broker(self) -> None:
        """Find out that it is away, before oslo.messaging waits for it.

        It waits however long it takes when it connects to hear answers; once
        it did, it connects by itself, and sending fails in time.
        """
        if self._reached:
            return
        why = 'transport_url names no host'
        for host in self._url.hosts:
            where = host.hostname, host.port or _PORT
            try:
                socket.create_connection(where, _CONNECT_SECONDS).close()
            except OSError as error:
                why = f'{where[0]}:{where[1]}: {error.strerror or error}'
            else:
                self._reached = True
                return
        raise errors.ConductorUnavailable(f'RabbitMQ cannot be reached: {why}')


class _Endpoint:
    def __init__(self, handle: Callable[[bytes], bytes]) -> None:
        self._handle = handle

    def handle(self, _: object, body: str) -> str:
        return self._handle(body.encode()).decode()


class BusServer:
    """Gives requests from the queue of all conductors to *handle*.

    As many as [rpc] threads are executed at a time, and as many as max_queue
    wait; those beyond are refused.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, url: Url, handle: Callable[[bytes], bytes]
    ) -> None:
        library, group = messaging(), conf.rpc
        # oslo.messaging gives each server a queue of its own as well.
        name = f'{socket.gethostname()}-{os.getpid()}'
        self._threads: int = group.threads
        self._server = library.get_rpc_server(
            _transport(library, conf, url),
            library.Target(topic=group.topic, server=name),
            [_Endpoint(handle)],
            server_cls=_bounded(library, group.threads + group.max_queue),
        )

    def start(self) -> None:
        """Serve from now on."""
        self._server.start(override_pool_size=self._threads)

    def stop(self, seconds: float) -> None:
        """Take no more, and return when those begun are answered."""
        ending = threading.Thread(target=self._end, daemon=True)
        ending.start()
        ending.join(seconds)
        if ending.is_alive():
            LOG.warning('Requests were not answered within %g s', seconds)

    def _end(self) -> None:
        self._server.stop()
        self._server.wait()
        self._server.end_refusing()


def _transport(library: Any, conf: cfg.ConfigOpts, url: Url) -> Any:
    try:
        return library.get_rpc_transport(conf, url)
    except library.DriverLoadFailure as error:
        raise errors.StartupError(f'transport_url: {error}') from error


def _bounded(library: Any, at_most: int) -> Any:
    """A server class that refuses what it would have to keep waiting."""
    busy = wire.answer(
        None,
        wire.Outcome(error=wire.Error(wire.BUSY, 'The conductor is busy')),
    ).decode()
    room = threading.BoundedSemaphore(at_most)
    # Answers to somebody who is gone take a while: those who come next must
    # not wait for them.  A refusal that finds no room is not told.
    refusing = futures.ThreadPoolExecutor(1, 'rpc-refuse')
    refusals = threading.BoundedSemaphore(_MOST_REFUSALS)

    def refuse(message: Any) -> None:
        try:
            message.reply(busy)
        finally:
            refusals.release()

    class Bounded(library.rpc.server.RPCServer):  # type: ignore[misc]
        def _on_incoming(self, incoming: list[Any]) -> None:
            if room.acquire(blocking=False):
                super()._on_incoming(incoming)
            elif refusals.acquire(blocking=False):
                refusing.submit(refuse, incoming[0])

        def _process_incoming(self, incoming: list[Any]) -> None:
            try:
                super()._process_incoming(incoming)
            finally:
                room.release()

        # Not wait(): the library finds what it puts in order by its methods.
        def end_refusing(self) -> None:
            refusing.shutdown()

    return Bounded
