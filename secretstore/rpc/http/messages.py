# SPDX-License-Identifier: Apache-2.0
"""oslo.messaging's messages as JSON-RPC 2.0, and back.

A method is ``namespace.method``; its parameters are the arguments, beside
``context`` and ``rpc.version``.
"""

from typing import Any, NamedTuple
import uuid

import msgspec
from oslo_messaging import MessagingException, RemoteError
from oslo_messaging._drivers import common
from oslo_messaging.rpc.dispatcher import NoSuchMethod, UnsupportedVersion
from oslo_serialization import jsonutils

from secretstore.rpc import wire

_CONTEXT = 'context'
_VERSION = 'rpc.version'

Message = dict[str, Any]


class Call(NamedTuple):
    """A request as oslo.messaging's servers take it."""

    context: Message
    message: Message
    request_id: Any
    answered: bool
    """Whether the caller waits for an answer; a cast has no id."""


class NotSupported(MessagingException, NotImplementedError):
    """It takes a message broker, and here is none."""


class NotACall(Exception):
    """What came is none; *answer* says why."""

    def __init__(self, code: int, text: str, request_id: Any = None) -> None:
        super().__init__(text)
        self.answer = _failure(request_id, {'code': code, 'message': text})


def encode_call(context: Message, message: Message, answered: bool) -> bytes:
    """ValueError: an argument has a name that is taken."""
    params = dict(message['args'])
    if _CONTEXT in params or _VERSION in params:
        raise ValueError(
            f'no argument can be named {_CONTEXT} or {_VERSION} over HTTP'
        )
    params[_CONTEXT] = context
    if 'version' in message:
        params[_VERSION] = message['version']
    method = message['method']
    if namespace := message.get('namespace'):
        method = f'{namespace}.{method}'
    request = {'jsonrpc': '2.0', 'method': method, 'params': params}
    if answered:
        request['id'] = uuid.uuid4().hex
    return _dumped(request)


def decode_call(body: bytes) -> Call:
    """Raises NotACall."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise NotACall(wire.NOT_JSON, 'Not JSON in UTF-8') from None
    if not isinstance(request, dict) or request.get('jsonrpc') != '2.0':
        raise NotACall(wire.NOT_A_REQUEST, 'Not one JSON-RPC 2.0 request')
    request_id = request.get('id')
    name, params = request.get('method'), request.get('params', {})
    if not isinstance(name, str) or not isinstance(
        request_id, str | int | float | None
    ):
        raise NotACall(wire.NOT_A_REQUEST, 'No method, or a strange id')
    if not isinstance(params, dict):
        raise NotACall(
            wire.WRONG_PARAMS, 'Parameters are named here', request_id
        )
    context = params.pop(_CONTEXT, {})
    namespace, _, method = name.rpartition('.')
    message = {
        'method': method,
        'namespace': namespace or None,
        'version': params.pop(_VERSION, '1.0'),
        'args': params,
    }
    return Call(context, message, request_id, 'id' in request)


def encode_result(request_id: Any, result: Any) -> bytes:
    return _dumped({'jsonrpc': '2.0', 'result': result, 'id': request_id})


def encode_failure(request_id: Any, error: BaseException) -> bytes:
    """The exception's class, message and arguments; no traceback crosses."""
    kind = type(error)
    code = wire.NAMED
    if isinstance(error, NoSuchMethod | UnsupportedVersion):
        code = wire.NO_SUCH_METHOD
    data = {
        'class': kind.__name__.removesuffix('_Remote'),
        'module': kind.__module__.removesuffix('_Remote'),
        'args': error.args,
        'kwargs': getattr(error, 'kwargs', {}),
    }
    return _failure(
        request_id, {'code': code, 'message': str(error), 'data': data}
    )


def failed(request_id: Any) -> bytes:
    """Something went wrong that the server's log may tell."""
    return _failure(
        request_id, {'code': wire.INTERNAL, 'message': 'Internal error'}
    )


def busy(request_id: Any) -> bytes:
    """It was not executed, and may be sent to another server."""
    return _failure(
        request_id, {'code': wire.BUSY, 'message': 'Overloaded; not executed'}
    )


def decode_answer(body: bytes, allowed: list[str]) -> Any:
    """The result; raises the error that crossed.

    Its class must be a built-in one or come from a module that is *allowed*,
    otherwise it is a RemoteError.
    """
    answer = jsonutils.loads(body)
    error = answer.get('error')
    if error is None:
        return answer.get('result')
    data = error.get('data')
    if not isinstance(data, dict) or 'module' not in data:
        name = data.get('class') if isinstance(data, dict) else None
        raise RemoteError(name or str(error.get('code')), error.get('message'))
    rebuilt: Exception = common.deserialize_remote_exception(
        jsonutils.dumps({**data, 'message': error.get('message')}), allowed
    )
    raise rebuilt


def _failure(request_id: Any, error: Message) -> bytes:
    return _dumped({'jsonrpc': '2.0', 'error': error, 'id': request_id})


def _dumped(value: Message) -> bytes:
    return jsonutils.dumps(value).encode()
