# SPDX-License-Identifier: Apache-2.0
import json
import threading
from typing import Any
import unittest

from hypothesis import given
from hypothesis import strategies as st

from secretstore import errors
from secretstore.rpc import wire
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.refusals import Cause
from secretstore.rpc.sealing import Sealing
from secretstore.tests.unit.conductor.base import context, text_secret
from secretstore.tests.unit.rpc.base import KEY, Memory
from secretstore.tests.unit.rpc.test_codec import (
    JSON,
    Failing,
    Whatever,
    between,
)


class UnsealedTest(unittest.TestCase):
    """What anybody's JSON-RPC client sees."""

    def setUp(self) -> None:
        super().setUp()
        self.conductor = Whatever({'k': 'v'})
        self.dispatcher = Dispatcher(self.conductor)  # type: ignore[arg-type]

    def ask(self, body: Any) -> Any:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return json.loads(self.dispatcher.handle(body))

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        return {
            'jsonrpc': '2.0',
            'method': method,
            'params': {'context': {'project_id': 'p'}} | params,
            'id': 7,
        }

    def assert_error(self, code: int, words: str, answer: Any) -> None:
        self.assertEqual({'jsonrpc', 'id', 'error'}, set(answer))
        self.assertEqual(code, answer['error']['code'], answer)
        self.assertIn(words, answer['error']['message'])

    def test_by_hand(self) -> None:
        asked = self.request('secret_metadata.get_all', secret_id='s')
        for request_id in (7, '7', 1.5, None):
            asked['id'] = request_id
            self.assertEqual(
                {'jsonrpc': '2.0', 'id': request_id, 'result': {'k': 'v'}},
                self.ask(asked),
            )
        asking, secret_id = self.conductor.called
        self.assertEqual('s', secret_id)
        self.assertEqual('p', asking.project_id)
        self.assertTrue(asking.request_id.startswith('req-'))

    def test_no_result_is_null(self) -> None:
        self.conductor.result = None
        answer = self.ask(
            {'jsonrpc': '2.0', 'method': 'health.check', 'id': 1}
        )
        self.assertEqual({'jsonrpc': '2.0', 'id': 1, 'result': None}, answer)

    def test_what_is_no_request(self) -> None:
        good = self.request('health.check')
        for body, code in (
            (b'', wire.NOT_JSON),
            (b'{', wire.NOT_JSON),
            (b'\xff', wire.NOT_JSON),
            (b'{"jsonrpc": "\xff"}', wire.NOT_JSON),
            (b'[' * 100_000, wire.NOT_A_REQUEST),
            (b'{"a":' * 100_000, wire.NOT_JSON),
            (b'[]', wire.NOT_A_REQUEST),
            ([good, good], wire.NOT_A_REQUEST),
            (b'null', wire.NOT_A_REQUEST),
            (good | {'jsonrpc': '1.0'}, wire.NOT_A_REQUEST),
            (good | {'method': 1}, wire.NOT_A_REQUEST),
            (good | {'id': {}}, wire.NOT_A_REQUEST),
            ({'jsonrpc': '2.0', 'method': 'health.check'}, wire.NOT_A_REQUEST),
        ):
            answer = self.ask(body)
            self.assert_error(code, '', answer)
            self.assertIsNone(answer['id'])

    def test_methods_that_there_are_not(self) -> None:
        for name in (
            'secrets.none',
            'secrets',
            'secrets._find',
            '__class__.mro',
            'secrets.__init__',
            '',
        ):
            self.assert_error(
                wire.NO_SUCH_METHOD, 'no such', self.ask(self.request(name))
            )

    def test_wrong_parameters(self) -> None:
        for params, words in (
            ({}, '`secret_id`'),
            ({'secret_id': 1}, '$.secret_id'),
            ({'secret_id': None}, '$.secret_id'),
            ({'secret_id': 's', 'with_consumers': 'yes'}, '$.with_consumers'),
            ({'secret_id': 's', 'context': 1}, '$.context'),
            ({'secret_id': 's', 'context': {'roles': 'admin'}}, '$.context'),
        ):
            asked = self.request('secrets.get', **params)
            self.assert_error(wire.WRONG_PARAMS, words, self.ask(asked))
        for wrong in ([], ['s'], 's', None):
            asked = self.request('secrets.get') | {'params': wrong}
            self.assert_error(wire.WRONG_PARAMS, 'object', self.ask(asked))
        self.assertEqual((), self.conductor.called)

    def test_errors_with_a_name(self) -> None:
        self.dispatcher = Dispatcher(
            Failing(errors.HasConsumers('It is used.'))  # type: ignore[arg-type]
        )
        self.assertEqual(
            {
                'code': wire.NAMED,
                'message': 'It is used.',
                'data': {
                    'class': 'HasConsumers',
                    'bases': ['InvalidInput', 'SecretStoreError'],
                },
            },
            self.ask(self.request('secrets.delete', secret_id='s'))['error'],
        )

    def test_of_other_errors_nothing_crosses(self) -> None:
        self.dispatcher = Dispatcher(
            Failing(RuntimeError('the master key is 42'))  # type: ignore[arg-type]
        )
        with self.assertLogs('secretstore.rpc.dispatch', 'ERROR') as logs:
            body = self.dispatcher.handle(
                json.dumps(self.request('secrets.get', secret_id='s')).encode()
            )
        self.assertNotIn(b'42', body)
        self.assertNotIn(b'RuntimeError', body)
        self.assert_error(wire.INTERNAL, 'its log', json.loads(body))
        self.assertIn('secrets.get failed', logs.output[0])
        self.assertIn('Traceback', logs.output[0])

    def test_a_result_that_has_no_json_form(self) -> None:
        self.conductor.result = object()
        with self.assertLogs('secretstore.rpc.dispatch', 'ERROR'):
            answer = self.ask(self.request('secrets.get', secret_id='s'))
        self.assert_error(wire.INTERNAL, 'its log', answer)

    def test_versions(self) -> None:
        for version, fine in (
            ('1.0', True),
            ('1.1', True),
            ('1.2', False),
            ('2.0', False),
            ('0.9', False),
            ('x', False),
        ):
            for method in ('secrets.get', 'secrets.of_later'):
                answer = self.ask(
                    self.request(
                        method, secret_id='s', **{'rpc.version': version}
                    )
                )
                if not fine:
                    self.assert_error(wire.REFUSED, 'version_cap', answer)
                elif method == 'secrets.get':
                    self.assertIn('result', answer)
        # Also when what is new would be a wrong parameter to us.
        answer = self.ask(
            self.request('secrets.get', **{'rpc.version': '1.2'})
        )
        self.assert_error(wire.REFUSED, 'version_cap', answer)

    def test_sealed_where_nothing_is(self) -> None:
        transport = Memory(self.dispatcher.handle)
        remote = Client(transport, Sealing([KEY])).conductor()
        with self.assertRaises(errors.ConductorUnavailable):
            remote.health.check()
        self.assert_error(
            wire.REFUSED, '[rpc] seal', json.loads(transport.answers[0])
        )
        self.assertEqual(
            1, self.dispatcher.refusals.counts()[Cause.UNEXPECTED]
        )

    @given(
        st.binary(max_size=60)
        | JSON.map(lambda value: json.dumps(value).encode())
        | st.fixed_dictionaries(
            {
                'jsonrpc': st.just('2.0'),
                'method': st.sampled_from(['secrets.page', 'health.check']),
                'id': JSON,
                'params': JSON,
            }
        ).map(lambda value: json.dumps(value).encode())
    )
    def test_whatever_comes_there_is_an_answer(self, body: bytes) -> None:
        answer = self.ask(body)
        self.assertEqual('2.0', answer['jsonrpc'])
        self.assertEqual(1, len({'result', 'error'} & set(answer)))


class SealedTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conductor = Whatever('id')
        self.dispatcher = Dispatcher(self.conductor, Sealing([KEY]))  # type: ignore[arg-type]
        self.transport = Memory(self.dispatcher.handle)
        self.remote = Client(self.transport, Sealing([KEY])).conductor()

    def answer(self, body: bytes) -> wire.Error:
        error = wire.decode_answer(self.dispatcher.handle(body)).error
        assert isinstance(error, wire.Error)
        return error

    def test_unsealed_is_refused_and_not_executed(self) -> None:
        asked = {'jsonrpc': '2.0', 'method': 'health.check', 'id': 'a'}
        with self.assertLogs('secretstore.rpc.refusals', 'WARNING') as logs:
            for wrong in (
                asked,
                asked | {'params': {'sealed': ''}},
                asked | {'params': {'sealed': '!'}},
                asked | {'params': {'sealed': 'AAAA'}},
                asked | {'id': 1, 'params': {'sealed': 'AAAA'}},
                asked | {'id': 'a' * 65, 'params': {'sealed': 'AAAA'}},
            ):
                error = self.answer(json.dumps(wrong).encode())
                self.assertEqual(wire.REFUSED, error.code)
                self.assertIn('[rpc] seal', error.message)
        self.assertEqual((), self.conductor.called)
        self.assertEqual(6, self.dispatcher.refusals.counts()[Cause.UNSEALED])
        self.assertEqual(1, len(logs.output))
        self.assertIn("Refused 'health.check'", logs.output[0])

    def test_a_replay_is_refused_and_not_executed(self) -> None:
        self.remote.secrets.create(context(), text_secret())
        self.conductor.called = ()
        error = self.answer(self.transport.sent[0])
        # It has been executed: whoever sent it must not try elsewhere.
        self.assertEqual(wire.SEEN, error.code)
        self.assertFalse(wire.is_refused(self.transport.answers[-1]))
        self.assertEqual((), self.conductor.called)
        self.assertEqual(1, self.dispatcher.refusals.counts()[Cause.REPLAY])

    def test_moved_to_another_method_or_id(self) -> None:
        self.remote.secrets.create(context(), text_secret())
        self.conductor.called = ()
        request = json.loads(self.transport.sent[0])
        for change in ({'method': 'secrets.delete'}, {'id': '0' * 32}):
            error = self.answer(json.dumps(request | change).encode())
            self.assertEqual(wire.REFUSED, error.code)
        self.assertEqual((), self.conductor.called)
        self.assertEqual(2, self.dispatcher.refusals.counts()[Cause.CHANGED])

    def test_a_log_line_has_no_line_breaks_of_others(self) -> None:
        asked = {'jsonrpc': '2.0', 'method': 'a\nCRITICAL', 'id': 'b\nc'}
        with self.assertLogs('secretstore.rpc.refusals') as logs:
            self.answer(json.dumps(asked).encode())
        self.assertNotIn('\n', logs.output[0])

    def test_errors_are_sealed_too(self) -> None:
        failing = Failing(errors.NotFound('Secret not found.'))
        transport, remote = between(failing, seal=True)
        with self.assertRaisesRegex(errors.NotFound, '^Secret not found.$'):
            remote.secrets.get(context(), 's')
        self.assertNotIn(b'not found', transport.answers[0])


class ThreadsTest(unittest.TestCase):
    def test_many_at_a_time(self) -> None:
        conductor = Whatever()
        conductor.secret_metadata.get = lambda _, secret_id, key: key * 2
        _, remote = between(conductor, seal=True)
        wrong: list[str] = []

        def work(number: int) -> None:
            for turn in range(50):
                key = f'{number}-{turn}'
                if remote.secret_metadata.get(context(), 's', key) != key * 2:
                    wrong.append(key)

        threads = [
            threading.Thread(target=work, args=(number,))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], wrong)
