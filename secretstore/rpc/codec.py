# SPDX-License-Identifier: Apache-2.0
"""Arguments and results as JSON, by the annotations of the Protocols.

Bytes are base64, times ISO 8601, TypedDicts objects, NamedTuples arrays.
Members that the reader does not know are passed over, so that a newer
release may add some; a value of the wrong type is an error.
"""

from collections.abc import Callable, Mapping, Sequence
import inspect
from typing import Any, NamedTuple, Self, get_type_hints

import msgspec

from secretstore.context import RequestContext
from secretstore.rpc.interface import FIRST_VERSION, Conductor

_ENCODER = msgspec.json.Encoder()


class Context(msgspec.Struct, omit_defaults=True):
    """What policy and logs need to know of a caller; never the token."""

    user_id: str | None = None
    project_id: str | None = None
    roles: list[str] = []
    request_id: str | None = None
    global_request_id: str | None = None
    user_domain_id: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None
    system_scope: str | None = None
    is_admin: bool | None = False
    is_admin_project: bool = True
    service_user_id: str | None = None
    service_project_id: str | None = None
    service_user_domain_id: str | None = None
    service_project_domain_id: str | None = None
    service_roles: list[str] = []

    @classmethod
    def of(cls, context: RequestContext) -> Self:
        return cls(
            context.user_id,
            context.project_id,
            context.roles,
            context.request_id,
            context.global_request_id,
            context.user_domain_id,
            context.project_domain_id,
            context.domain_id,
            context.system_scope,
            context.is_admin,
            context.is_admin_project,
            context.service_user_id,
            context.service_project_id,
            context.service_user_domain_id,
            context.service_project_domain_id,
            context.service_roles,
        )

    def restored(self) -> RequestContext:
        """The context, also that of this thread's log lines.

        Until :func:`secretstore.context.forget` is called.
        """
        return RequestContext(**msgspec.structs.asdict(self))


class Call(NamedTuple):
    """A call as it has come in."""

    arguments: list[Any]
    """The context in front."""
    version: str
    """The caller's."""
    deadline: int | None
    """Until when the caller waits, in ms since 1970; older ones do not say."""


def with_deadline(params: bytes, until: float) -> bytes:
    """Encoded parameters that say until when, since 1970, the caller waits.

    :param params: an object
    """
    comma = b',' if len(params) > len(b'{}') else b''
    return b'%b%b"rpc.deadline":%d}' % (params[:-1], comma, until * 1000)


class Method:
    """One method of the interface, and how its calls are written down.

    :ivar name: such as ``secrets.get``
    :ivar arguments: their names, without the context
    """

    def __init__(
        self, resource: str, function: Callable[..., Any], **hints: Any
    ) -> None:
        """Take the arguments of *function*; *hints* are their types.

        One that has no type is left out: older interfaces do not have it.
        """
        self.resource = resource
        self.function = function.__name__
        self.name = f'{resource}.{function.__name__}'
        parameters = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.name in hints
        ]
        self.takes_context = 'context' in hints
        self.arguments = [
            one.name for one in parameters if one.name != 'context'
        ]
        self.params: type[msgspec.Struct] = msgspec.defstruct(
            self.name,
            [
                *(_field(one, hints[one.name]) for one in parameters),
                ('rpc_version', str, FIRST_VERSION),
                ('rpc_deadline', int | None, None),
            ],
            rename={
                'rpc_version': 'rpc.version',
                'rpc_deadline': 'rpc.deadline',
            },
            omit_defaults=True,
        )
        self.result: Any = hints['return']
        self._params_decoder = msgspec.json.Decoder(self.params)
        self._result_decoder = msgspec.json.Decoder(self.result)

    def encode_call(
        self, version: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> bytes:
        """The parameters of a call, which is made as the Protocol says.

        TypeError for a call that the Protocol does not have, and for values
        that JSON does not have; UnicodeEncodeError for text with surrogates.
        """
        if self.takes_context:
            if not args:
                raise TypeError(f'{self.name}: the context comes first')
            args = [Context.of(args[0]), *args[1:]]
        call = self.params(*args, **kwargs, rpc_version=version)
        return _ENCODER.encode(call)

    def decode_call(self, text: bytes) -> Call:
        """A call by its parameters.

        :raises msgspec.ValidationError: when they are not as they should be
        """
        call = self._params_decoder.decode(text)
        *arguments, version, deadline = msgspec.structs.astuple(call)
        if self.takes_context:
            arguments[0] = arguments[0].restored()
        return Call(arguments, version, deadline)

    def encode_result(self, result: Any) -> bytes:
        return _ENCODER.encode(result)

    def decode_result(self, text: bytes) -> Any:
        return self._result_decoder.decode(text)


def _field(parameter: inspect.Parameter, hint: Any) -> tuple[Any, ...]:
    if hint is RequestContext:
        hint = Context
    if parameter.default is inspect.Parameter.empty:
        return parameter.name, hint
    return parameter.name, hint, parameter.default


def _methods() -> dict[str, Method]:
    found = [
        Method(resource, function, **get_type_hints(function))
        for resource, protocol in get_type_hints(Conductor).items()
        for name, function in inspect.getmembers(protocol, inspect.isfunction)
        if not name.startswith('_')
    ]
    return {method.name: method for method in found}


METHODS = _methods()
