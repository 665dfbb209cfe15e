# SPDX-License-Identifier: Apache-2.0
"""A conductor somewhere else, called like one in this process.

For other programs as well::

    conductor = client.connect(cfg.CONF, 'http://conductor-1:9312')
    context = RequestContext(user_id=..., project_id=..., roles=['member'])
    secret_id = conductor.secrets.create(context, {...})

Whoever has the seal key is trusted: a conductor believes what the context
says about the caller.
"""

from collections.abc import Callable, Mapping
import types
from typing import Any, Self, cast
import uuid

import msgspec
from oslo_config import cfg

from secretstore import errors
from secretstore.conf import rpc as options
from secretstore.context import RequestContext
from secretstore.metrics import record
from secretstore.rpc import codec, interface, wire
from secretstore.rpc import connect as connecting
from secretstore.rpc.attempts import Attempts, not_an_answer
from secretstore.rpc.codec import Method
from secretstore.rpc.fate import CHOSEN_IDS, PUT, READ, REPEATABLE, Fate
from secretstore.rpc.interface import Conductor
from secretstore.rpc.refusals import Refusals, Refused
from secretstore.rpc.sealing import Sealing
from secretstore.rpc.transport import Transport


def connect(conf: cfg.ConfigOpts, url: str | None = None) -> Conductor:
    """The conductors at [DEFAULT] transport_url, as group [rpc] says.

    They need not be there yet.

    :param url: for programs whose own transport_url leads elsewhere
    :raises StartupError: when the configuration cannot work
    """
    return Client.from_conf(conf, url).conductor()


class Client:
    """Turns calls into requests, and answers into results; thread safe.

    :param seal: None sends and takes everything unsealed
    :param version: what to speak; conductors may be newer
    :ivar refusals: how many answers were refused, and why
    """

    def __init__(
        self,
        transport: Transport,
        seal: Sealing | None = None,
        *,
        version: str = interface.VERSION,
        methods: Mapping[str, Method] = codec.METHODS,
    ) -> None:
        interface.versions_until(version)
        self.refusals = Refusals()
        self._transport = transport
        self._sealing = seal
        self._version = version
        self._methods = methods

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts, url: str | None = None) -> Self:
        """What connect() uses, for those who want its counters."""
        options.register_opts(conf)
        version = conf.rpc.version_cap or interface.VERSION
        seal = Sealing.from_conf(conf)
        try:
            interface.versions_until(version)
        except ValueError as error:
            raise errors.StartupError(f'[rpc] version_cap: {error}') from error
        return cls(connecting.transport(conf, url), seal, version=version)

    def conductor(self) -> Conductor:
        """All resources, whose methods are calls over the transport."""
        resources: dict[str, types.SimpleNamespace] = {
            name: types.SimpleNamespace() for name in Conductor._fields
        }
        for method in self._methods.values():
            call = self._caller(method)
            setattr(resources[method.resource], method.function, call)
        return Conductor(**cast(Any, resources))

    def _caller(self, method: Method) -> Callable[..., Any]:
        if method.name == PUT:
            return self._putting_caller(method)
        chosen = CHOSEN_IDS.get(method.name)
        if chosen not in method.arguments:
            return self._plain_caller(method, method.name in REPEATABLE)
        return self._creating_caller(method, str(chosen))

    def _plain_caller(
        self, method: Method, repeatable: bool
    ) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            params = method.encode_call(self._version, args, kwargs)
            return self._call(method, params, Fate(repeatable))

        return call

    def _creating_caller(
        self, method: Method, chosen: str
    ) -> Callable[..., Any]:
        """Choose the id of what is made, if conductors can be told it."""
        choosing = self._version != interface.FIRST_VERSION

        def call(*args: Any, **kwargs: Any) -> Any:
            # The context, what is to be made, and its id.
            if len(args) > 2:
                args, kwargs = args[:2], {**kwargs, chosen: args[2]}
            asked = kwargs.get(chosen)
            if asked is None and choosing:
                kwargs[chosen] = str(uuid.uuid4())
            elif asked is not None and not choosing:
                raise errors.SecretStoreError(
                    f'{method.name}: version {self._version} ([rpc] '
                    f'version_cap) has no {chosen}'
                )
            params = method.encode_call(self._version, args, kwargs)
            return self._call(method, params, Fate(choosing))

        return call

    def _putting_caller(self, method: Method) -> Callable[..., Any]:
        """Ask again, and see whose payload it is that is in the way."""
        read = self._plain_caller(self._methods[READ], repeatable=True)

        def call(
            context: RequestContext,
            secret_id: str,
            content_type: str,
            payload: bytes,
            transport_key_id: str | None = None,
        ) -> None:
            args = [context, secret_id, content_type, payload]
            # What is in a sealed payload is not known here.
            fate = Fate(repeatable=transport_key_id is None)
            if transport_key_id is not None:
                args.append(transport_key_id)
            params = method.encode_call(self._version, args, {})
            try:
                self._call(method, params, fate)
            except errors.Conflict as conflict:
                if not fate.in_doubt:
                    raise
                # Only who may read the payload is told that it is this one.
                try:
                    found = read(context, secret_id)
                except errors.Forbidden:
                    raise conflict from None
                if found != (content_type, payload):
                    raise

        return call

    def _call(self, method: Method, params: bytes, fate: Fate) -> Any:
        with record.rpc_client_call(method.name):
            return self._result(method, params, fate)

    def _result(self, method: Method, params: bytes, fate: Fate) -> Any:
        attempts = Attempts(self._sealing, method.name, params, fate)
        try:
            outcome = attempts.outcome(self._transport)
        except Refused as why:
            self.refusals.note(f'the answer to {method.name}', why)
            raise errors.ConductorUnavailable(
                f'The answer to {method.name} was refused: {why}'
            ) from None
        if isinstance(outcome.error, wire.Error):
            raise wire.to_exception(outcome.error)
        if not isinstance(outcome.result, msgspec.Raw):
            raise not_an_answer()
        try:
            return method.decode_result(outcome.result)
        except msgspec.DecodeError as error:
            # What is wrong, and where, but no value.
            raise errors.SecretStoreError(
                f'The result of {method.name} is not as the interface has it: '
                f'{error}'
            ) from None
