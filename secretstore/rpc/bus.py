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
import threading
import time
from typing import Any

from oslo_config import cfg

from secretstore import errors
from secretstore.rpc import messaging, threads, wire
from secretstore.rpc.transport import Lacking
from secretstore.rpc.turned_away import TurnedAway, Why

LOG = logging.getLogger(__name__)

# Of the time for an answer, the part after which a repeatable request is sent
# once more: the conductor that took it may be gone.
_PART = 0.4
# Attempts while conductors refuse or there is none, and seconds in between.
_ATTEMPTS = 4
_PAUSE = 0.2
_CONNECT_SECONDS = 2
_PORT = 5672
# Of those who were refused, how many may wait to be told.
_MOST_REFUSALS = 1000
_METHOD = 'handle'
_SILENCE = 'no conductor answered in time'


class _Failed(Exception):
    """An attempt without an answer.

    :param cost: how many attempts it counts
    :param answer: one that could be better
    :param executed: the request may have been executed nevertheless
    """

    def __init__(
        self,
        why: str,
        cost: int = 1,
        *,
        answer: bytes = b'',
        executed: bool = False,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.cost = cost
        self.answer = answer
        self.executed = executed


def _require_execution(
    answer: bytes, refused: Callable[[bytes], bool]
) -> None:
    if refused(answer):
        raise _Failed(wire.refusal(answer) or _SILENCE)


class BusTransport:
    """Implements :class:`secretstore.rpc.transport.Transport`."""

    def __init__(self, conf: cfg.ConfigOpts, url: messaging.Url) -> None:
        self._messaging = messaging.library()
        self._seconds: float = conf.rpc.response_timeout
        self._url = url
        self._reached = False
        self._unreachable = (
            self._messaging.MessageDeliveryFailure,
            self._messaging.ClientSendError,
        )
        # When there is no connection in the pool, and none can be made.
        self._unconnected = threads.library(
            'kombu.exceptions'
        ).OperationalError
        self._client = self._messaging.get_rpc_client(
            messaging.transport(conf, url),
            self._messaging.Target(topic=conf.rpc.topic),
            # It would publish again what may have been taken, for two
            # conductors to execute, and not tell.
            retry=0,
            # So that we are told when nobody has ever made the queue.
            transport_options=self._messaging.TransportOptions(
                at_least_once=True
            ),
        )

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        lacking: Lacking | None = None,
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        give_up = time.monotonic() + self._seconds
        longest = self._seconds * (_PART if repeatable else 1)
        attempts, why, last = _ATTEMPTS, _SILENCE, b''
        self._require_broker()
        while attempts > 0 and (left := give_up - time.monotonic()) > 0:
            try:
                answer = self._sent(request, min(left, longest))
                _require_execution(answer, refused)
                if repeatable and lacking and (lacks := lacking(answer)):
                    raise _Failed(lacks, answer=answer, executed=True)
            except _Failed as failed:
                why, last = failed.why, failed.answer or last
                if failed.executed and in_doubt is not None:
                    in_doubt()
                if failed.executed and not repeatable:
                    break
                attempts -= failed.cost
                time.sleep(_PAUSE * failed.cost)
            else:
                return answer
        if last:
            return last
        raise errors.ConductorUnavailable(f'RabbitMQ: {why}')

    def _sent(
        self, request: Callable[[float], bytes], seconds: float
    ) -> bytes:
        client = self._client.prepare(timeout=seconds)
        body = request(seconds).decode()
        try:
            answer: str = client.call({}, _METHOD, body=body)
        except self._messaging.MessagingTimeout:
            raise _Failed(_SILENCE, 0, executed=True) from None
        except self._messaging.MessageUndeliverable:
            raise _Failed('there is no conductor') from None
        except self._unconnected as error:
            raise _Failed(f'it cannot be reached: {error}') from error
        except self._unreachable as error:
            # The broker may have taken it, and not lived to say so.
            why = f'it cannot be reached: {error}'
            raise _Failed(why, executed=True) from error
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
        self,
        conf: cfg.ConfigOpts,
        url: messaging.Url,
        handle: Callable[[bytes], bytes],
    ) -> None:
        library, group = messaging.library(), conf.rpc
        # oslo.messaging gives each server a queue of its own as well.
        name = f'{socket.gethostname()}-{os.getpid()}'
        self._threads: int = group.threads
        self._server = library.get_rpc_server(
            messaging.transport(conf, url),
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
    turned_away = TurnedAway()

    def refuse(message: Any) -> None:
        try:
            message.reply(busy)
        finally:
            refusals.release()

    class Bounded(library.rpc.server.RPCServer):  # type: ignore[misc]
        def _on_incoming(self, incoming: list[Any]) -> None:
            if room.acquire(blocking=False):
                super()._on_incoming(incoming)
                return
            turned_away.note(Why.FULL)
            if refusals.acquire(blocking=False):
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
