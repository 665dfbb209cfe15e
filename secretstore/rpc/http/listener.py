# SPDX-License-Identifier: Apache-2.0
"""The server's side of the oslo.messaging driver."""

from collections.abc import Callable
import ssl
import threading
from typing import Any

from oslo_messaging._drivers import base

from secretstore.rpc.http import messages
from secretstore.rpc.http.addresses import Address
from secretstore.rpc.http.listening import Listening
from secretstore.rpc.http.messages import NotSupported
from secretstore.rpc.http.server import HttpServer

_Callback = Callable[[list['Incoming']], None]
_Replied = Callable[[], None] | None


class Listener(base.Listener):
    """Gives what comes in to an oslo.messaging server."""

    def __init__(
        self,
        conf: Any,
        group: Any,
        sockets: Listening,
        context: ssl.SSLContext | None,
    ) -> None:
        super().__init__(1, None)
        threads = conf.executor_thread_pool_size
        self._sockets = sockets
        self._stop_timeout: float = group.stop_timeout
        # Casts are answered before they are executed, so nothing else would
        # keep them from piling up.
        self._casts = threading.BoundedSemaphore(threads + group.max_queue)
        self._server = HttpServer(
            sockets,
            self._handle,
            running=threads,
            waiting=group.max_queue,
            tls=context,
        )

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system has chosen."""
        return self._server.addresses

    def start(self, on_incoming_callback: _Callback) -> None:
        super().start(on_incoming_callback)
        self._server.start()

    def stop(self) -> None:
        """Return when all calls were answered."""
        self._sockets.refuse()
        self._server.stop(self._stop_timeout)
        self._sockets.close()
        super().stop()

    def cleanup(self) -> None:
        """Nothing is left after stop()."""

    def _handle(self, body: bytes) -> bytes:
        try:
            call = messages.decode_call(body)
        except messages.NotACall as error:
            return error.answer
        callback: _Callback | None = self.on_incoming_callback
        if callback is None:
            return messages.failed(call.request_id)
        reply = Reply()
        if call.answered:
            callback([Incoming(call, reply)])
            return reply.wait()
        if not self._casts.acquire(blocking=False):
            return messages.busy(None)
        callback([Incoming(call, reply, self._casts.release)])
        return b''


class Incoming(base.RpcIncomingMessage):
    """A call, which waits for its reply, or a cast."""

    def __init__(
        self, call: messages.Call, reply: 'Reply', replied: _Replied = None
    ) -> None:
        super().__init__(call.context, call.message, str(call.request_id))
        self._request_id = call.request_id
        self._reply = reply
        self._replied = replied

    def reply(self, reply: Any = None, failure: Any = None) -> None:
        try:
            if failure is None:
                body = messages.encode_result(self._request_id, reply)
            else:
                body = messages.encode_failure(self._request_id, failure[1])
        except Exception as error:
            self._answer(messages.encode_failure(self._request_id, error))
            raise
        self._answer(body)

    def requeue(self) -> None:
        raise NotSupported('there is no queue to go back to')

    def heartbeat(self) -> None:
        """Not needed: the connection is open for as long as it takes."""

    def __del__(self) -> None:
        # The server dropped it without a word; nobody shall wait for ever.
        self._answer(messages.failed(self._request_id))

    def _answer(self, body: bytes) -> None:
        self._reply.give(body)
        replied, self._replied = self._replied, None
        if replied is not None:
            replied()


class Reply:
    """What the answer to one call will be."""

    def __init__(self) -> None:
        self._body: bytes | None = None
        self._given = threading.Lock()
        self._given.acquire()

    def give(self, body: bytes) -> None:
        """The first one counts."""
        if self._body is None:
            self._body = body
            self._given.release()

    def wait(self) -> bytes:
        with self._given:
            return self._body or b''
