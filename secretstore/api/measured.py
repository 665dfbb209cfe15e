# SPDX-License-Identifier: Apache-2.0
"""Counts requests and measures how long they take, by route."""

from collections.abc import Iterable
import time
from typing import TYPE_CHECKING, Any

from secretstore.api.application import ROUTE
from secretstore.metrics import record

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

HEALTHCHECK = '/healthcheck'
# What never got as far as a route: no such URL, no such method, no identity.
NO_ROUTE = 'none'
_METHODS = frozenset(
    ('DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT')
)
_OTHER = 'other'
_CLASSES = {first: f'{first}xx' for first in '12345'}


class Measured:
    """Around all that answers; what clients choose never becomes a label."""

    def __init__(self, app: 'WSGIApplication') -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: 'StartResponse'
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        # Whoever answers none of ours has failed.
        answered = '500'

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            nonlocal answered
            answered = status
            return start_response(status, headers, exc_info)

        try:
            return self._app(environ, start)
        finally:
            method = environ['REQUEST_METHOD']
            route = environ.get(ROUTE)
            record.request(
                method if method in _METHODS else _OTHER,
                route.path if route else _unrouted(environ),
                _CLASSES.get(answered[0], _OTHER),
                time.perf_counter() - began,
            )


def _unrouted(environ: dict[str, Any]) -> str:
    first = environ['PATH_INFO'].lstrip('/').partition('/')[0]
    return HEALTHCHECK if first == HEALTHCHECK[1:] else NO_ROUTE
