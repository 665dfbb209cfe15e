# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
import inspect
import json
from typing import Any, get_type_hints
import unittest
import uuid

from secretstore import errors
from secretstore.rpc import codec, interface
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.fate import CHOSEN_IDS, REPEATABLE
from secretstore.rpc.refusals import Cause
from secretstore.rpc.sealing import Sealing
from secretstore.rpc.transport import Lacking
from secretstore.tests.unit.conductor.base import context, text_secret
from secretstore.tests.unit.rpc.base import KEY, SECONDS, Memory
from secretstore.tests.unit.rpc.test_codec import Whatever, between


def answering(body: bytes) -> Memory:
    return Memory(lambda request: body)


class ClientTest(unittest.TestCase):
    def test_it_has_what_the_interface_has(self) -> None:
        remote = Client(Memory()).conductor()
        for resource, protocol in get_type_hints(interface.Conductor).items():
            for name, _ in inspect.getmembers(protocol, inspect.isfunction):
                if not name.startswith('_'):
                    found = getattr(getattr(remote, resource), name)
                    self.assertTrue(callable(found), name)

    def test_what_answers_is_no_conductor(self) -> None:
        for body in (
            b'',
            b'<html>',
            b'[]',
            b'{}',
            b'{"jsonrpc": "2.0"}',
            b'{"jsonrpc": "2.0", "id": 1}',
            b'{"jsonrpc": "2.0", "id": 1, "result": ',
        ):
            remote = Client(answering(body)).conductor()
            with self.assertRaises(errors.ConductorUnavailable):
                remote.health.check()

    def test_a_result_that_the_interface_does_not_have(self) -> None:
        body = b'{"jsonrpc": "2.0", "id": 1, "result": {"a": "payload"}}'
        remote = Client(answering(body)).conductor()
        with self.assertRaisesRegex(
            errors.SecretStoreError, 'secrets.payload'
        ) as caught:
            remote.secrets.payload(context(), 's')
        self.assertNotIn("'payload'", str(caught.exception))

    def test_nothing_unsealed_is_believed(self) -> None:
        named = {'code': -32000, 'message': '', 'data': {'class': 'NotFound'}}
        for answer in (
            {'result': 'a'},
            {'result': None},
            {'result': {'sealed': 'AAAA'}},
            {'error': named},
        ):
            body = json.dumps({'jsonrpc': '2.0', 'id': 1} | answer).encode()
            client = Client(answering(body), Sealing([KEY]))
            with (
                self.assertLogs('secretstore.rpc.refusals', 'WARNING'),
                self.assertRaises(errors.ConductorUnavailable),
            ):
                client.conductor().secret_metadata.get(context(), 's', 'k')
            self.assertEqual(1, client.refusals.counts()[Cause.UNSEALED])

    def test_an_error_that_is_not_sealed_is_a_failure_and_no_more(
        self,
    ) -> None:
        error = {'code': -32603, 'message': 'It failed'}
        body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'error': error})
        remote = Client(answering(body.encode()), Sealing([KEY])).conductor()
        with self.assertRaisesRegex(
            errors.ConductorUnavailable, 'health.check: .* It failed'
        ):
            remote.health.check()

    def test_an_answer_to_another_request(self) -> None:
        transport, remote = between(Whatever('a'), seal=True)
        remote.secret_metadata.get(context(), 's', 'k')
        client = Client(answering(transport.answers[0]), Sealing([KEY]))
        with (
            self.assertLogs('secretstore.rpc.refusals', 'WARNING') as logs,
            self.assertRaises(errors.ConductorUnavailable),
        ):
            client.conductor().secret_metadata.get(context(), 's', 'k')
        self.assertEqual(1, client.refusals.counts()[Cause.CHANGED])
        self.assertIn('the answer to secret_metadata.get', logs.output[0])

    def test_a_conductor_with_another_key_is_passed_over(self) -> None:
        stranger = Dispatcher(Whatever('x'), Sealing([bytes(32)]))  # type: ignore[arg-type]
        good = Dispatcher(Whatever('a'), Sealing([KEY]))  # type: ignore[arg-type]
        transport = Memory(stranger.handle, good.handle)
        remote = Client(transport, Sealing([KEY])).conductor()
        with self.assertLogs('secretstore.rpc.refusals', 'WARNING'):
            for _ in range(3):
                self.assertEqual(
                    'a', remote.secret_metadata.get(context(), 's', 'k')
                )
        self.assertEqual(3, stranger.refusals.counts()[Cause.WRONG_KEY])
        self.assertEqual(6, len(transport.sent))


class RepeatableTest(unittest.TestCase):
    def calls(self, version: str) -> tuple[Memory, interface.Conductor]:
        transport = Memory(Dispatcher(Whatever('id')).handle)  # type: ignore[arg-type]
        return transport, Client(transport, version=version).conductor()

    def test_each_method_is_told_apart(self) -> None:
        self.assertLessEqual(REPEATABLE, set(codec.METHODS))
        self.assertLessEqual(set(CHOSEN_IDS), set(codec.METHODS))
        for name, argument in CHOSEN_IDS.items():
            self.assertEqual(argument, codec.METHODS[name].arguments[1])

    def test_creates_are_repeatable_by_an_id_that_is_chosen(self) -> None:
        transport, remote = self.calls('1.1')
        remote.secrets.create(context(), text_secret())
        remote.secrets.create(context(), text_secret(), None)
        self.assertEqual([True, True], transport.were_repeatable)
        ids = [
            json.loads(sent)['params']['secret_id'] for sent in transport.sent
        ]
        self.assertEqual(2, len(set(ids)))
        for chosen in ids:
            self.assertEqual(4, uuid.UUID(chosen).version)

    def test_an_id_of_the_callers_own(self) -> None:
        transport, remote = self.calls('1.1')
        remote.secrets.create(context(), text_secret(), 'mine')
        remote.secrets.create(context(), text_secret(), secret_id='mine')
        for sent in transport.sent:
            self.assertEqual('mine', json.loads(sent)['params']['secret_id'])

    def test_the_first_version_has_no_chosen_ids(self) -> None:
        transport, remote = self.calls('1.0')
        remote.secrets.create(context(), text_secret())
        self.assertEqual([False], transport.were_repeatable)
        params = json.loads(transport.sent[0])['params']
        self.assertNotIn('secret_id', params)
        with self.assertRaisesRegex(errors.SecretStoreError, 'version_cap'):
            remote.secrets.create(context(), text_secret(), 'mine')

    def test_versions_that_there_are_not(self) -> None:
        for version in ('1.2', '2.0', '0.9', 'x', '1', '1.x', '1.-1', ''):
            with self.assertRaises(ValueError):
                Client(Memory(), version=version)


class Forgetful:
    """Loses the first answer, and sends the same bytes again."""

    def __init__(self, handle: Callable[[bytes], bytes]) -> None:
        self._handle = handle
        self.sent: list[bytes] = []

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        lacking: Lacking | None = None,
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        body = request(SECONDS)
        self.sent.append(body)
        answer = self._handle(body)
        if len(self.sent) > 1:
            return answer
        if in_doubt is not None:
            in_doubt()
        if not repeatable:
            raise errors.ConductorUnavailable('The answer was lost')
        return self._handle(body)


class LostAnswerTest(unittest.TestCase):
    def test_the_one_conductor_there_is_takes_it_when_sealed_anew(
        self,
    ) -> None:
        handle = Dispatcher(Whatever('a'), Sealing([KEY])).handle  # type: ignore[arg-type]
        transport = Forgetful(handle)
        remote = Client(transport, Sealing([KEY])).conductor()
        self.assertEqual('a', remote.secret_metadata.get(context(), 's', 'k'))
        self.assertEqual(2, len(set(transport.sent)))

    def test_somebody_was_faster_with_our_request(self) -> None:
        """What was executed for another must not be tried elsewhere."""
        conductor: Any = Whatever()
        first, second = (
            Dispatcher(conductor, Sealing([KEY])) for _ in range(2)
        )

        def stolen(body: bytes) -> bytes:
            first.handle(body)
            return first.handle(body)

        calls: list[Any] = []
        conductor.secret_metadata.add = lambda *args: calls.append(args)
        transport = Memory(stolen, second.handle)
        remote = Client(transport, Sealing([KEY])).conductor()
        with self.assertRaises(errors.ConductorUnavailable):
            remote.secret_metadata.add(context(), 's', 'k', 'v')
        self.assertEqual(1, len(transport.sent))

    def test_what_must_not_be_repeated_is_not(self) -> None:
        conductor: Any = Whatever()
        calls: list[Any] = []
        conductor.secret_metadata.add = lambda *args: calls.append(args)
        handle = Dispatcher(conductor, Sealing([KEY])).handle
        transport = Forgetful(handle)
        remote = Client(transport, Sealing([KEY])).conductor()
        with self.assertRaises(errors.ConductorUnavailable):
            remote.secret_metadata.add(context(), 's', 'k', 'v')
        self.assertEqual(1, len(transport.sent))
        self.assertEqual(1, len(calls))
