# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping, Sequence
import types
from typing import Any, cast, get_args, get_type_hints
import unittest
import uuid

from hypothesis import given
from hypothesis import strategies as st
import msgspec

from secretstore.context import RequestContext
from secretstore.rpc import interface
from secretstore.rpc.client import Client
from secretstore.rpc.codec import METHODS, Method
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.fate import CHOSEN_IDS
from secretstore.rpc.interface import Page
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor.base import context, text_secret
from secretstore.tests.unit.rpc.base import KEY, Memory

TEXT = st.text(st.characters(exclude_categories=['Cs']), max_size=8)
MAYBE = st.none() | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = {
    'user_id',
    'project_id',
    'domain_id',
    'user_domain_id',
    'project_domain_id',
    'system_scope',
    'service_user_id',
    'service_project_id',
    'service_user_domain_id',
    'service_project_domain_id',
    'global_request_id',
}
CONTEXTS = st.builds(
    context,
    TEXT,
    TEXT,
    is_admin=st.booleans(),
    is_admin_project=st.booleans(),
    service_roles=st.lists(TEXT, max_size=2),
    **dict.fromkeys(NAMES, MAYBE),
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """What callers may hand in, or get, under an annotation."""
    return JSON if hint is Any else st.from_type(hint)


def lists(hint: Any) -> st.SearchStrategy[Any]:
    return st.lists(values(get_args(hint)[0]), max_size=3)


def mappings(hint: Any) -> st.SearchStrategy[Any]:
    return st.dictionaries(*map(values, get_args(hint)), max_size=3)


def pages(hint: Any) -> st.SearchStrategy[Any]:
    return st.builds(Page, lists(hint), st.integers())


st.register_type_strategy(str, TEXT)
st.register_type_strategy(RequestContext, CONTEXTS)
st.register_type_strategy(Sequence, lists)
st.register_type_strategy(Mapping, mappings)
st.register_type_strategy(dict, mappings)
st.register_type_strategy(Page, pages)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Method, list[Any], Any]:
    """A method, arguments for it and a result of it."""
    method = METHODS[draw(st.sampled_from(sorted(METHODS)))]
    protocol = get_type_hints(interface.Conductor)[method.resource]
    hints = get_type_hints(getattr(protocol, method.function))
    result = draw(values(hints.pop('return')))
    return method, [draw(values(hint)) for hint in hints.values()], result


class Whatever:
    """Has all methods, which note their arguments and give *result*."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.called: tuple[Any, ...] = ()
        for method in METHODS.values():
            resource = self.__dict__.setdefault(
                method.resource, types.SimpleNamespace()
            )
            setattr(resource, method.function, self._call)

    def _call(self, *args: Any) -> Any:
        self.called = args
        return self.result


class Failing(Whatever):
    """All methods raise *error*."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def _call(self, *args: Any) -> Any:
        raise self.error


def between(conductor: Any, seal: bool) -> tuple[Memory, interface.Conductor]:
    """A transport to a conductor, and the conductor as a client has it."""
    seals = [Sealing([KEY]), Sealing([KEY])] if seal else [None, None]
    transport = Memory(Dispatcher(conductor, seals[0]).handle)
    return transport, Client(transport, seals[1]).conductor()


class RoundTripTest(unittest.TestCase):
    @given(calls(), st.booleans())
    def test_any_call_arrives_as_it_was_made(
        self, drawn: tuple[Method, list[Any], Any], seal: bool
    ) -> None:
        method, args, result = drawn
        conductor = Whatever(result)
        _, remote = between(conductor, seal)
        call = getattr(getattr(remote, method.resource), method.function)
        self.assertEqual(result, call(*args))
        arrived = list(conductor.called)
        if method.takes_context:
            before, after = args.pop(0), arrived.pop(0)
            self.assertEqual(before.policy_key(), after.policy_key())
            self.assertEqual(before.is_admin, after.is_admin)
            self.assertEqual(before.request_id, after.request_id)
            self.assertEqual(before.global_id, after.global_id)
        if method.name in CHOSEN_IDS and args[-1] is None:
            # One that nobody chose is chosen on the way.
            args[-1] = str(uuid.UUID(arrived[len(args) - 1]))
        self.assertEqual(args, arrived[: len(args)])
        self.assertEqual(
            [None] * len(arrived[len(args) :]), arrived[len(args) :]
        )

    def test_by_name_and_with_defaults(self) -> None:
        conductor = Whatever()
        _, remote = between(conductor, seal=False)
        conductor.result = cast(Any, None)
        remote.secrets.delete(context(), secret_id='s')
        self.assertEqual(('s', False), conductor.called[1:])
        remote.secrets.delete(context(), 's', unless_consumed=True)
        self.assertEqual(('s', True), conductor.called[1:])
        for wrong in ((), (context(),), (context(), 's', True, 1)):
            with self.assertRaises(TypeError):
                remote.secrets.delete(*wrong)  # type: ignore[arg-type]

    def test_a_token_stays_at_home(self) -> None:
        transport, remote = between(Whatever(), seal=False)
        asking = context(auth_token='the-token', service_token='other')
        remote.secrets.delete(asking, 's')
        self.assertNotIn(b'the-token', transport.sent[0])
        self.assertNotIn(b'other', transport.sent[0])

    def test_a_payload_is_not_to_be_seen_when_sealed(self) -> None:
        for seal in (False, True):
            transport, remote = between(Whatever('id'), seal)
            remote.secrets.create(context(), text_secret(b'a payload'))
            self.assertEqual(
                not seal, b'YSBwYXlsb2Fk' in transport.sent[0], seal
            )

    def test_members_that_are_new_are_passed_over(self) -> None:
        method = METHODS['secrets.get']
        call = msgspec.json.decode(
            method.encode_call('1.1', (context(), 's'), {})
        )
        call['newer'] = call['context']['newer'] = {'a': 1}
        arguments, version, deadline = method.decode_call(
            msgspec.json.encode(call)
        )
        self.assertEqual(['s', False, False], arguments[1:])
        self.assertEqual('1.1', version)
        self.assertIsNone(deadline)
