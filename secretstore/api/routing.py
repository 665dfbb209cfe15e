# SPDX-License-Identifier: Apache-2.0
"""A URL table: which handler answers which method and path."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import webob

# (context, request, *path parameters) -> response
Handler = Callable[..., webob.Response]


class Route(NamedTuple):
    """One line of the table.

    *path* has ``{name}`` for a parameter; *operation* is what messages to
    the caller call it.
    """

    method: str
    path: str
    handler: Handler
    operation: str


class Match(NamedTuple):
    """The route of a request and its path parameters."""

    route: Route
    parameters: list[str]


class NoSuchRoute(Exception):
    """No route has this path."""


class MethodNotAllowed(Exception):
    """The path exists, the method does not; *allowed* lists those that do."""

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__()
        self.allowed = sorted(allowed)


class _Node:
    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.routes: dict[str, Route] = {}


class Router:
    """Finds routes; empty path segments (``/v1//secrets/``) do not count."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in filter(None, route.path.split('/')):
                node = _child(node, segment)
            node.routes[route.method] = route

    def match(self, method: str, path: str) -> Match:
        """The route for a request; NoSuchRoute or MethodNotAllowed."""
        node = self._root
        parameters = []
        for segment in path.split('/'):
            if not segment:
                continue
            child = node.children.get(segment)
            if child is None:
                child = node.any
                parameters.append(segment)
            if child is None:
                raise NoSuchRoute
            node = child
        route = node.routes.get(method)
        if route is not None:
            return Match(route, parameters)
        if not node.routes:
            raise NoSuchRoute
        raise MethodNotAllowed(node.routes)


def _child(node: _Node, segment: str) -> _Node:
    if segment.startswith('{'):
        node.any = node.any or _Node()
        return node.any
    return node.children.setdefault(segment, _Node())
