# SPDX-License-Identifier: Apache-2.0
"""pecan, with a URL table in place of its object dispatch.

pecan finds a controller by inspecting objects and their signatures on each
request, which costs 200 to 700 us; a table costs 2.  All else stays
pecan's: requests and responses, hooks, error handling.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pecan.core
import pecan.hooks
import webob

from secretstore import errors
from secretstore.api import errors as api_errors
from secretstore.api.routing import (
    MethodNotAllowed,
    NoSuchRoute,
    Route,
    Router,
)
from secretstore.context import RequestContext

CONTEXT = 'secretstore.context'
ROUTE = 'secretstore.route'


_KINDS = ('before', 'after', 'on_error')


class ContextHook(pecan.hooks.PecanHook):  # type: ignore[misc]
    """Builds the caller's context from what authentication has proven."""

    def before(self, state: Any) -> None:
        environ = state.request.environ
        environ[CONTEXT] = RequestContext.from_environ(environ)


class ProjectHook(pecan.hooks.PecanHook):  # type: ignore[misc]
    """Secrets belong to projects: a caller without one has no business."""

    def before(self, state: Any) -> None:
        if not state.request.environ[CONTEXT].project_id:
            raise errors.Unauthenticated(
                'The request is not scoped to a project.'
            )


class ErrorHook(pecan.hooks.PecanHook):  # type: ignore[misc]
    """Turns every exception into an answer; nothing escapes to the server."""

    def on_error(self, state: Any, error: Exception) -> webob.Response:
        if isinstance(error, NoSuchRoute):
            return self.refuse(state, 404, '')
        if isinstance(error, MethodNotAllowed):
            allowed = {'Allow': ', '.join(error.allowed)}
            return self.refuse(state, 405, '', allowed)
        route = state.request.environ.get(ROUTE)
        return self.fail(state, error, route.operation if route else 'Request')

    def refuse(
        self,
        state: Any,
        status: int,
        description: str,
        headers: dict[str, str] | None = None,
    ) -> webob.Response:
        """The answer when no route is right, framed as the API does it."""
        return api_errors.response(status, description, headers)

    def fail(
        self, state: Any, error: Exception, operation: str
    ) -> webob.Response:
        """The answer when an operation ended with an error."""
        return api_errors.from_exception(error, operation)


class Request(webob.Request):  # type: ignore[misc]
    """A request as it is; pecan's own guards each access to an attribute.

    What it guards against is text that cannot be decoded, and what looks at
    text here decodes it by itself.
    """


class Application(pecan.core.PecanBase):  # type: ignore[misc]
    """A WSGI application made of routes and hooks."""

    def __init__(
        self,
        routes: Iterable[Route],
        hooks: Iterable[pecan.hooks.PecanHook] = (),
        error_hook: ErrorHook | None = None,
    ) -> None:
        super().__init__(
            root=None,
            hooks=[ContextHook(), error_hook or ErrorHook(), *hooks],
            request_cls=Request,
        )
        self._calls = {kind: _calls(kind, self.hooks) for kind in _KINDS}
        self._router = Router(routes)

    def find_controller(
        self, state: Any
    ) -> tuple[Callable[..., webob.Response], list[str], dict[str, Any]]:
        environ = state.request.environ
        # Undecoded, so that a path that is not UTF-8 is just unknown.
        match = self._router.match(
            environ['REQUEST_METHOD'], environ['PATH_INFO']
        )
        environ[ROUTE] = match.route
        state.controller = match.route.handler
        self.handle_hooks(self.hooks, 'before', state)
        return match.route.handler, match.parameters, {}

    def determine_hooks(self, controller: Any = None) -> list[Any]:
        hooks: list[Any] = self.hooks
        return hooks

    def handle_hooks(
        self, hooks: Any, hook_type: str, *args: Any
    ) -> webob.Response | None:
        """What pecan does, without asking hooks that have nothing to say."""
        for call in self._calls[hook_type]:
            result = call(*args)
            if hook_type == 'on_error' and isinstance(result, webob.Response):
                return result
        return None

    def invoke_controller(
        self,
        controller: Callable[..., webob.Response],
        args: list[str],
        kwargs: dict[str, Any],
        state: Any,
    ) -> None:
        request = state.request
        state.response = controller(request.environ[CONTEXT], request, *args)

    def _handle_empty_response_body(self, state: Any) -> None:
        """Handlers say what they mean; pecan would turn 200 into 204."""


def _calls(
    kind: str, hooks: Iterable[pecan.hooks.PecanHook]
) -> list[Callable[..., Any]]:
    """Those of the hooks that do something then, the last one first."""
    idle = getattr(pecan.hooks.PecanHook, kind)
    calls = [
        getattr(hook, kind)
        for hook in hooks
        if getattr(type(hook), kind) is not idle
    ]
    return calls if kind == 'before' else calls[::-1]
