# SPDX-License-Identifier: Apache-2.0
"""Programs that use oslo.messaging as it is, over HTTP."""

import json
import shutil
import subprocess
import time

from secretstore.rpc.http.addresses import from_url
from secretstore.tests.unit.rpc.http.base import Peer, in_thread, request
from secretstore.tests.unit.rpc.http.messaging import (
    MessagingTestCase,
    OwnError,
    library,
)
from secretstore.tests.unit.rpc.http.test_tls import Authority

LOCAL_URL = 'http://127.0.0.1:0/'


class CallTest(MessagingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server, self.url = self.rpc_server(LOCAL_URL)
        self.client = self.rpc_client(self.url)

    def test_call(self) -> None:
        for _ in range(3):
            self.assertEqual(
                [{'user': 'u'}, {'a': [1, None, 'ü'], 'b': {'c': 1.5}}],
                self.client.call(
                    {'user': 'u'}, 'echo', a=[1, None, 'ü'], b={'c': 1.5}
                ),
            )

    def test_what_json_has_no_word_for(self) -> None:
        found = self.client.call({}, 'strange')
        self.assertEqual([1, 2], sorted(found['a']))
        self.assertEqual('bytes', found['b'])

    def test_cast(self) -> None:
        self.client.cast({}, 'wait', name='one')
        self.endpoint.held.wait_for()
        # Nobody waits for what becomes of it.
        self.endpoint.held.let_go()
        self.assertEqual([b'one'], self.endpoint.held.bodies)

    def test_errors(self) -> None:
        with self.assertRaises(KeyError) as caught:
            self.client.call({}, 'fail', how='known')
        self.assertIn('known', str(caught.exception))
        self.assertNotIn('Traceback', str(caught.exception))

    def test_errors_of_allowed_modules_only(self) -> None:
        with self.assertRaises(library.RemoteError) as caught:
            self.client.call({}, 'fail', how='own')
        self.assertEqual('OwnError', caught.exception.exc_type)
        client = self.rpc_client(self.url, [OwnError.__module__])
        with self.assertRaises(OwnError) as rebuilt:
            client.call({}, 'fail', how='own')
        self.assertEqual(('the reason', 42), rebuilt.exception.args)

    def test_no_such_method(self) -> None:
        for client in (
            self.client.prepare(),
            self.client.prepare(namespace='others'),
        ):
            with self.assertRaises(library.RemoteError) as caught:
                client.call({}, 'nothing')
            self.assertIn('nothing', str(caught.exception))

    def test_newer_version(self) -> None:
        with self.assertRaises(library.RemoteError) as caught:
            self.client.prepare(version='1.3').call({}, 'echo')
        self.assertEqual('UnsupportedVersion', caught.exception.exc_type)

    def test_names_that_are_taken(self) -> None:
        with self.assertRaisesRegex(ValueError, 'rpc.version'):
            self.client.call({}, 'echo', **{'rpc.version': '1'})

    def test_what_takes_a_broker(self) -> None:
        with self.assertRaises(library.InvalidTarget):
            self.client.prepare(fanout=True).cast({}, 'echo')
        with self.assertRaises(library.InvalidTarget):
            self.client.prepare(server='here').call({}, 'echo')
        transport = library.get_notification_transport(self.conf, self.url)
        with self.assertRaises(NotImplementedError):
            library.get_notification_listener(
                transport, [library.Target(topic='topic')], [self.endpoint]
            ).start()
        with self.assertRaises(NotImplementedError):
            transport._send_notification(
                library.Target(topic='topic'), {}, {}, 2.0
            )

    def test_timeout(self) -> None:
        client = self.client.prepare(timeout=0.2)
        with self.assertRaises(library.MessagingTimeout):
            client.call({}, 'wait', name='long')
        self.endpoint.held.let_go()

    def test_stop_answers_what_runs(self) -> None:
        caller, results = in_thread(
            lambda: self.client.call({}, 'wait', name='one')
        )
        self.endpoint.held.wait_for()
        stopper, stopped = in_thread(self.server.stop)
        time.sleep(0.05)
        self.endpoint.held.let_go()
        caller.join()
        stopper.join()
        self.assertEqual((['one'], [None]), (results, stopped))
        client = self.rpc_client(self.url, retry=0)
        with self.assertRaises(library.MessageDeliveryFailure):
            client.call({}, 'echo')


class PlacesTest(MessagingTestCase):
    def test_several_servers(self) -> None:
        first, first_url = self.rpc_server(LOCAL_URL)
        _, second_url = self.rpc_server(LOCAL_URL)
        both = f'{first_url},{second_url.removeprefix("http://")}/'
        client = self.rpc_client(both, retry=0)
        self.assertEqual([{}, {}], client.call({}, 'echo'))
        first.stop()
        for _ in range(5):
            self.assertEqual([{}, {}], client.call({}, 'echo'))

    def test_unix_socket(self) -> None:
        url = f'http+unix://{self.directory}/socket'
        _, found = self.rpc_server(url)
        self.assertEqual(url, found)
        self.assertEqual([{}, {}], self.rpc_client(url).call({}, 'echo'))

    def test_mutual_tls(self) -> None:
        authority = Authority(self.directory, 'ca')
        server, client = authority.issue('server'), authority.issue('client')
        query = f'?ssl_ca_file={authority.file}&ssl_cert_file='
        _, url = self.rpc_server(
            f'https://127.0.0.1:0/{query}{server.certificate}'
            f'&ssl_key_file={server.key}'
        )
        known = self.rpc_client(
            f'{url}/{query}{client.certificate}&ssl_key_file={client.key}'
        )
        self.assertEqual([{}, {}], known.call({}, 'echo'))
        stranger = self.rpc_client(
            f'{url}/?ssl_ca_file={authority.file}', retry=0
        )
        with self.assertRaises(library.MessageDeliveryFailure):
            stranger.call({}, 'echo')

    def test_waits_for_a_server(self) -> None:
        path = self.directory / 'socket'
        client = self.rpc_client(f'http+unix://{path}')
        thread, results = in_thread(lambda: client.call({}, 'echo'))
        time.sleep(0.1)
        self.rpc_server(f'http+unix://{path}')
        thread.join()
        self.assertEqual([[{}, {}]], results)
        nobody = self.rpc_client('http+unix:///nonexistent/s', timeout=0.1)
        with self.assertRaises(library.MessagingTimeout):
            nobody.call({}, 'echo')

    def test_listens_where_it_is_told(self) -> None:
        path = self.directory / 'socket'
        several = 'http://a:1,b:1/'
        with self.assertRaisesRegex(library.MessagingException, 'listen'):
            self.rpc_server(several)
        _, found = self.rpc_server(f'{several}?listen={path}')
        self.assertEqual(f'http+unix://{path}', found)

    def test_urls_that_cannot_be(self) -> None:
        for url in (
            'http:///',
            'http://a:1/path',
            'http://u:hidden@a:1/',
            'http+unix://',
        ):
            with (
                self.subTest(url),
                self.assertRaises(library.InvalidTransportURL) as caught,
            ):
                self.transport(url)
            self.assertNotIn('hidden', str(caught.exception))


class ManyTest(MessagingTestCase):
    def test_casts_do_not_pile_up(self) -> None:
        _, url = self.rpc_server(
            f'{LOCAL_URL}?max_queue=1', override_pool_size=1
        )
        client = self.rpc_client(url, retry=0)
        taken = 0
        with self.assertRaises(library.MessageDeliveryFailure):
            while taken < 1000:
                client.cast({}, 'wait', name='x')
                taken += 1
        self.assertLess(taken, 100)
        self.endpoint.held.let_go(taken)


class WireTest(MessagingTestCase):
    """JSON-RPC 2.0 for those who have no oslo.messaging."""

    def setUp(self) -> None:
        super().setUp()
        _, self.url = self.rpc_server(LOCAL_URL)

    def ask(self, body: object) -> dict[str, object]:
        peer = Peer(from_url(self.url)[0])
        self.addCleanup(peer.sock.close)
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        peer.send(request(text))
        answer = peer.answer()
        self.assertEqual(200, answer.status)
        return json.loads(answer.text)  # type: ignore[attr-defined]

    def error(self, body: object) -> tuple[int, object]:
        answer = self.ask(body)
        self.assertEqual({'jsonrpc', 'error', 'id'}, set(answer))
        return answer['error']['code'], answer['id']  # type: ignore[index]

    def test_result(self) -> None:
        call = {'jsonrpc': '2.0', 'method': 'things.echo', 'id': 7}
        self.assertEqual(
            {'jsonrpc': '2.0', 'result': [{}, {'a': 1}], 'id': 7},
            self.ask({**call, 'params': {'a': 1}}),
        )
        params = {'context': {'user': 'u'}, 'rpc.version': '1.2'}
        self.assertEqual(
            {'jsonrpc': '2.0', 'result': [{'user': 'u'}, {}], 'id': 'x'},
            self.ask({**call, 'params': params, 'id': 'x'}),
        )
        self.assertEqual([{}, {}], self.ask(call)['result'])

    def test_errors(self) -> None:
        call = {'jsonrpc': '2.0', 'method': 'things.echo', 'id': 7}
        for code, body in (
            (-32700, b'{"jsonrpc": "2.0", '),
            (-32700, b'\xff\xfe'),
            (-32600, b'[]'),
            (-32600, [call]),
            (-32600, {**call, 'jsonrpc': '1.0'}),
            (-32600, {**call, 'method': 1}),
            (-32600, {**call, 'id': {}}),
            (-32602, {**call, 'params': [1]}),
            (-32601, {**call, 'method': 'things.nothing'}),
            (-32601, {**call, 'method': 'echo'}),
            (-32000, {**call, 'method': 'things.fail'}),
        ):
            with self.subTest(code=code, body=body):
                expected = None if code in (-32700, -32600) else 7
                self.assertEqual((code, expected), self.error(body))

    def test_curl(self) -> None:
        curl = shutil.which('curl')
        if curl is None:
            self.skipTest('no curl')
        call = {'jsonrpc': '2.0', 'method': 'things.echo', 'id': 1}
        done = subprocess.run(
            [
                curl,
                '--silent',
                '--show-error',
                '--fail',
                '--header',
                'Content-Type: application/json',
                '--data',
                json.dumps({**call, 'params': {'text': 'x' * 100_000}}),
                self.url,
            ],
            capture_output=True,
            check=True,
        )
        result = json.loads(done.stdout)['result']
        self.assertEqual([{}, {'text': 'x' * 100_000}], result)
