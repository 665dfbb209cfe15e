# SPDX-License-Identifier: Apache-2.0
"""A plain oslo.messaging server and client, on our driver."""

import importlib
from typing import Any
import uuid

from oslo_config import cfg

from secretstore.rpc import messaging
from secretstore.tests.unit.rpc.http.base import Held, HttpTestCase

# On threads, which has to be said before anything imports it.
library = messaging.library()


class OwnError(Exception):
    """May cross, if its module may."""


class Endpoint:
    """What a program would offer."""

    target = library.Target(namespace='things', version='1.2')

    def __init__(self) -> None:
        self.held = Held()

    def echo(self, context: dict[str, Any], **arguments: Any) -> Any:
        return [context, arguments]

    def wait(self, context: dict[str, Any], name: str) -> str:
        return self.held(name.encode()).decode()

    def fail(self, context: dict[str, Any], how: str) -> None:
        if how == 'own':
            raise OwnError('the reason', 42)
        raise KeyError(how)

    def strange(self, context: dict[str, Any]) -> object:
        return {'a': {1, 2}, 'b': b'bytes', 'c': uuid.UUID(int=0)}


class MessagingTestCase(HttpTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.endpoint = Endpoint()
        self.conf = cfg.ConfigOpts()
        self.conf([], default_config_files=[])
        # It registers these nowhere but on the global one.
        for group in ('tracing', 'metrics'):
            name = f'oslo_messaging_{group}'
            module = importlib.import_module(f'oslo_messaging._{group}.client')
            self.conf.register_opts(getattr(module, name), group=name)

    def transport(self, url: str, **options: Any) -> Any:
        transport = library.get_rpc_transport(self.conf, url, **options)
        self.addCleanup(transport.cleanup)
        return transport

    def rpc_server(self, url: str, **options: Any) -> tuple[Any, str]:
        """A server that runs, and the URL with the port that it has got."""
        server = library.get_rpc_server(
            self.transport(url),
            library.Target(topic='topic', server='here'),
            [self.endpoint],
        )
        server.start(**options)
        # Its wait() would wait for idle threads.
        self.addCleanup(server.stop)
        return server, str(server.listener.addresses[0])

    def rpc_client(
        self, url: str, allowed: list[str] | None = None, **options: Any
    ) -> Any:
        return library.get_rpc_client(
            self.transport(url, allowed_remote_exmods=allowed),
            library.Target(topic='topic', namespace='things', version='1.0'),
            **{'timeout': 10, **options},
        )
