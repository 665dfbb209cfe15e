# SPDX-License-Identifier: Apache-2.0
"""One request in, one answer out: what a conductor does with the bytes."""

from collections.abc import Callable, Mapping
import logging
import time
from typing import Any

import msgspec

from secretstore import errors
from secretstore.context import forget
from secretstore.metrics import record
from secretstore.rpc import codec, interface, wire
from secretstore.rpc.codec import Method
from secretstore.rpc.interface import Conductor
from secretstore.rpc.refusals import Cause, Refusals, Refused
from secretstore.rpc.sealing import Sealing

LOG = logging.getLogger(__name__)

_INTERNAL = wire.Error(wire.INTERNAL, 'The conductor failed; its log says why')
# Long enough for any method, and any id that clients make, and short enough to
# remember.
_LONGEST = 64


class _Version(msgspec.Struct, rename={'version': 'rpc.version'}):
    version: str = interface.FIRST_VERSION


class Dispatcher:
    """Executes requests on a conductor; thread safe.

    With *seal* only sealed requests are executed, without it only others.

    :ivar refusals: how many requests were refused, and why
    """

    def __init__(
        self,
        conductor: Conductor,
        seal: Sealing | None = None,
        *,
        methods: Mapping[str, Method] = codec.METHODS,
        version: str = interface.VERSION,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.refusals = Refusals()
        self._clock = clock
        self._sealing = seal
        self._methods = methods
        self._functions: dict[str, Callable[..., Any]] = {
            method.name: getattr(
                getattr(conductor, method.resource), method.function
            )
            for method in methods.values()
        }
        self._version = version
        self._versions = interface.versions_until(version)

    def handle(self, body: bytes) -> bytes:
        """Execute the request in *body*, and return the answer.

        Raises nothing: what goes wrong is an answer as well.
        """
        request_id: wire.Id = None
        try:
            request = wire.decode_request(body)
            request_id = request.id
            if self._sealing is None:
                outcome = self._unsealed(request)
            else:
                outcome = self._sealed(self._sealing, request)
        except wire.Failure as failure:
            outcome = wire.Outcome(error=failure.error)
        except Exception:
            LOG.exception('A request failed')
            outcome = wire.Outcome(error=_INTERNAL)
        finally:
            # What this thread logs next is about somebody else.
            forget()
        return wire.answer(request_id, outcome)

    def _unsealed(self, request: wire.Request) -> wire.Outcome:
        params = bytes(request.params)
        if params.startswith(b'{"sealed":'):
            raise self._refused(request, Refused(Cause.UNEXPECTED))
        return self._outcome(request, params)

    def _sealed(self, seal: Sealing, request: wire.Request) -> wire.Outcome:
        method, request_id = request.method, request.id
        try:
            if not isinstance(request_id, str):
                raise Refused(Cause.UNSEALED)
            if max(len(method), len(request_id)) > _LONGEST:
                raise Refused(Cause.UNSEALED)
            opened = seal.open_request(
                method, request_id, wire.sealed_part(request.params)
            )
        except Refused as refused:
            raise self._refused(request, refused) from None
        plain = wire.encode(self._outcome(request, opened.plain))
        answer = seal.seal_answer(method, request_id, opened, plain)
        return wire.Outcome(msgspec.Raw(wire.encode(wire.Sealed(answer))))

    def _outcome(self, request: wire.Request, params: bytes) -> wire.Outcome:
        try:
            return wire.Outcome(msgspec.Raw(self._result(request, params)))
        except errors.SecretStoreError as error:
            if isinstance(error, _FOR_OPERATORS) or type(error) is _UNNAMED:
                LOG.warning('%s: %s', request.method, error.message)
            return wire.Outcome(error=wire.from_exception(error))
        except wire.Failure as failure:
            if failure.error.code == wire.REFUSED:
                raise
            return wire.Outcome(error=failure.error)
        except Exception:
            LOG.exception('%s failed', request.method)
            return wire.Outcome(error=_INTERNAL)

    def _result(self, request: wire.Request, params: bytes) -> bytes:
        method = self._methods.get(request.method)
        if method is None:
            self._require_version(request, params)
            raise wire.Failure(wire.NO_SUCH_METHOD, 'There is no such method')
        try:
            arguments, version, deadline = method.decode_call(params)
        except (msgspec.DecodeError, RecursionError) as error:
            self._require_version(request, params)
            raise wire.Failure(wire.WRONG_PARAMS, str(error)) from None
        if version not in self._versions:
            raise self._newer(request, version)
        if deadline is not None:
            self._require_in_time(request, deadline)
        with record.rpc_server_call(method.name):
            result = self._functions[method.name](*arguments)
        return method.encode_result(result)

    def _require_version(self, request: wire.Request, params: bytes) -> None:
        """Rather tell who is newer than what we do not understand."""
        try:
            version = msgspec.json.decode(params, type=_Version).version
        except (msgspec.DecodeError, RecursionError):
            return
        if version not in self._versions:
            raise self._newer(request, version)

    def _require_in_time(self, request: wire.Request, deadline: int) -> None:
        """Refuse what may have been asked of another conductor meanwhile."""
        late = self._clock() - deadline / 1000
        if late > 0:
            raise self._refused(request, Refused(Cause.LATE, late=late))

    def _newer(self, request: wire.Request, version: str) -> wire.Failure:
        return self._refused(
            request,
            Refused(
                Cause.VERSION, theirs=repr(version[:16]), ours=self._version
            ),
        )

    def _refused(
        self, request: wire.Request, refused: Refused
    ) -> wire.Failure:
        what = f'{request.method[:64]!r} (id {str(request.id)[:64]!r})'
        self.refusals.note(what, refused)
        seen = refused.cause is Cause.REPLAY
        code = wire.SEEN if seen else wire.REFUSED
        return wire.Failure(code, f'Refused: {refused}')


_UNNAMED = errors.SecretStoreError
_FOR_OPERATORS = (
    errors.Corrupt,
    errors.MasterKeyNotFound,
    errors.StartupError,
    errors.Unavailable,
)
