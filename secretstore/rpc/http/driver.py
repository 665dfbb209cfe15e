# SPDX-License-Identifier: Apache-2.0
"""oslo.messaging's calls over HTTP, with no broker.

``transport_url = http://host:port,host:port/``, https alike, or
``http+unix:///path``: the hosts are servers.  oslo.messaging loads this; it
must have been told to use threads before (oslo_service.backend).
"""

import threading
import time
from typing import Any

from oslo_config import cfg
import oslo_messaging
from oslo_messaging._drivers import base, common

from secretstore import errors
from secretstore.rpc import wire
from secretstore.rpc.http import addresses, messages, options, tls
from secretstore.rpc.http.addresses import DEFAULT_PORT, Address
from secretstore.rpc.http.client import HttpClient, Unanswered
from secretstore.rpc.http.listener import Listener
from secretstore.rpc.http.listening import Listening
from secretstore.rpc.http.messages import NotSupported

_Message = dict[str, Any]

# Seconds between attempts when there is no server.
_PAUSE = 0.5
# For casts, which have no timeout: until the server has taken it over.
_CAST_TIMEOUT = 60.0


class Driver(base.BaseDriver):
    """RPC to one of several servers; no fanout, and no notifications.

    The topic is not used: whoever listens there is meant.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        url: Any,
        default_exchange: str | None = None,
        allowed_remote_exmods: list[str] | None = None,
    ) -> None:
        conf.register_opts(options.OPTS, group=options.GROUP)
        conf = common.ConfigOptsProxy(conf, url, options.GROUP)
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        self._options = conf[options.GROUP]
        self._places = _places(url)
        self._lock = threading.Lock()
        self._client: HttpClient | None = None

    def send(
        self,
        target: Any,
        ctxt: _Message,
        message: _Message,
        wait_for_reply: bool | None = None,
        timeout: float | None = None,
        call_monitor_timeout: float | None = None,
        retry: int | None = None,
        transport_options: Any = None,
    ) -> Any:
        """See the base class; *timeout* bounds the attempts as well."""
        _require_simple(target)
        body = messages.encode_call(ctxt, message, bool(wait_for_reply))
        answer = self._delivered(
            body,
            time.monotonic() + (timeout or _CAST_TIMEOUT),
            -1 if retry is None else retry,
            getattr(transport_options, 'at_least_once', False),
        )
        if not wait_for_reply:
            return None
        return messages.decode_answer(answer, self._allowed_remote_exmods)

    def _delivered(
        self, body: bytes, deadline: float, retries: int, repeatable: bool
    ) -> bytes:
        while True:
            try:
                return self._http().call(
                    lambda _: body,
                    repeatable=repeatable,
                    refused=wire.is_refused,
                    timeout=max(deadline - time.monotonic(), 0.001),
                )
            except Unanswered as error:
                rest = deadline - time.monotonic()
                if rest <= 0:
                    raise oslo_messaging.MessagingTimeout(
                        error.message
                    ) from error
                if error.executed or not retries:
                    raise oslo_messaging.MessageDeliveryFailure(
                        error.message
                    ) from error
            retries -= 1
            time.sleep(min(_PAUSE, rest))

    def send_notification(
        self,
        target: Any,
        ctxt: _Message,
        message: _Message,
        version: float,
        retry: int | None = None,
    ) -> None:
        raise NotSupported('notifications need a message broker, not HTTP')

    def listen(
        self, target: Any, batch_size: int, batch_timeout: float
    ) -> Listener:
        """Listens already when it returns."""
        places, group = self._places, self._options
        secure = any(place.tls for place in places)
        try:
            if group.listen:
                places = tuple(
                    addresses.to_listen_at(text, secure)
                    for text in group.listen
                )
            elif len(places) != 1:
                raise errors.StartupError(
                    f'[{options.GROUP}] listen is not set, and transport_url '
                    'names more than one server'
                )
            context = tls.for_server(self._files()) if secure else None
            sockets = Listening(places)
        except errors.StartupError as error:
            raise oslo_messaging.MessagingException(error.message) from error
        return Listener(self.conf, group, sockets, context)

    def listen_for_notifications(
        self,
        targets_and_priorities: list[tuple[Any, str]],
        pool: str | None,
        batch_size: int,
        batch_timeout: float,
    ) -> Any:
        raise NotSupported('notifications need a message broker, not HTTP')

    def cleanup(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _http(self) -> HttpClient:
        with self._lock:
            if self._client is None:
                self._client = self._connected()
            return self._client

    def _connected(self) -> HttpClient:
        secure = any(place.tls for place in self._places)
        try:
            context = tls.for_client(self._files()) if secure else None
        except errors.StartupError as error:
            raise oslo_messaging.MessagingException(error.message) from error
        return HttpClient(
            self._places,
            connect_timeout=self._options.connect_timeout,
            tls=context,
        )

    def _files(self) -> tls.Files:
        group = self._options
        return tls.Files(
            group.ssl_cert_file, group.ssl_key_file, group.ssl_ca_file
        )


def _places(url: Any) -> tuple[Address, ...]:
    if url.transport == 'http+unix':
        text = f'http+unix:///{url.virtual_host or ""}'
    else:
        hosts = ','.join(
            # What else is there is refused, without a word about it.
            ('@' if host.username else '')
            + Address(
                host.hostname or '',
                DEFAULT_PORT if host.port is None else host.port,
            ).authority
            for host in url.hosts
        )
        text = f'{url.transport}://{hosts}/{url.virtual_host or ""}'
    try:
        return addresses.from_url(text)
    except errors.StartupError as error:
        # Without the URL, which may have a password in it.
        raise oslo_messaging.InvalidTransportURL(
            None, error.message
        ) from error


def _require_simple(target: Any) -> None:
    for name in ('fanout', 'server'):
        if getattr(target, name):
            raise oslo_messaging.InvalidTarget(
                f'over HTTP, a request goes to one of the servers in '
                f'transport_url: {name} is not possible',
                target,
            )
