# SPDX-License-Identifier: Apache-2.0
import os
import socket
import stat

from secretstore import errors
from secretstore.rpc.http.addresses import Address, from_url, to_listen_at
from secretstore.rpc.http.listening import Listening
from secretstore.tests.unit.rpc.http.base import LOCAL, HttpTestCase, ask


class ListeningTest(HttpTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = str(self.directory / 'socket')

    def listen(self, *listen: str, mode: int = 0o660) -> Listening:
        listening = Listening([to_listen_at(text) for text in listen], mode)
        self.addCleanup(listening.close)
        return listening

    def refuses(self, *listen: str) -> str:
        with self.assertRaises(errors.StartupError) as caught:
            self.listen(*listen)
        return caught.exception.message

    def test_mode(self) -> None:
        for mode in (0o600, 0o660, 0o666):
            listening = self.listen(self.path, mode=mode)
            found = os.stat(self.path).st_mode
            self.assertTrue(stat.S_ISSOCK(found))
            self.assertEqual(mode, stat.S_IMODE(found))
            listening.close()
            self.assertFalse(os.path.exists(self.path))

    def test_what_a_dead_process_left_is_replaced(self) -> None:
        left = socket.socket(socket.AF_UNIX)
        left.bind(self.path)
        left.close()
        self.assertTrue(os.path.exists(self.path))
        server = self.serve(listen=[self.path])
        self.assertEqual(b'{}', ask(self.client(server)))

    def test_a_living_one_is_not(self) -> None:
        server = self.serve(listen=[self.path])
        self.assertIn('another process', self.refuses(self.path))
        self.assertEqual(b'{}', ask(self.client(server)))

    def test_nor_is_a_file(self) -> None:
        with open(self.path, 'w') as file:
            file.write('precious')
        self.assertIn('not a socket', self.refuses(self.path))
        with open(self.path) as file:
            self.assertEqual('precious', file.read())

    def test_another_ones_is_not_removed(self) -> None:
        listening = self.listen(self.path)
        os.unlink(self.path)
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(self.path)
        listening.close()
        self.assertTrue(os.path.exists(self.path))

    def test_nothing_is_left_when_one_fails(self) -> None:
        message = self.refuses(self.path, '/nonexistent/socket')
        self.assertIn('/nonexistent/socket', message)
        self.assertFalse(os.path.exists(self.path))
        self.listen(self.path)

    def test_port_in_use(self) -> None:
        port = self.listen(LOCAL).addresses[0].port
        message = self.refuses(f'127.0.0.1:{port}')
        self.assertIn(f'http://127.0.0.1:{port}: Address already', message)

    def test_a_forked_process_removes_nothing(self) -> None:
        listening = self.listen(self.path)
        pid = os.fork()
        if pid == 0:
            listening.close()
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertTrue(os.path.exists(self.path))


class AddressesTest(HttpTestCase):
    def test_urls(self) -> None:
        for url, expected in {
            'http://a:1': [Address('a', 1)],
            'http://a,b:2/': [Address('a', 9312), Address('b', 2)],
            'http://a:1,a:1,b:1': [Address('a', 1), Address('b', 1)],
            'http://[::1]:1,[fe80::2]': [
                Address('::1', 1),
                Address('fe80::2', 9312),
            ],
            'https://a:1/': [Address('a', 1, tls=True)],
            'http+unix:///run/s.sock': [Address(port=0, path='/run/s.sock')],
        }.items():
            with self.subTest(url):
                self.assertEqual(tuple(expected), from_url(url))

    def test_an_address_is_its_url(self) -> None:
        for url in (
            'http://a:1',
            'http://[::1]:1',
            'https://a:1',
            'http+unix:///run/s.sock',
        ):
            with self.subTest(url):
                self.assertEqual(url, str(from_url(url)[0]))

    def test_no_urls(self) -> None:
        for url in (
            'rabbit://a',
            'a:1',
            'http://',
            'http:///',
            'http://a:1/path',
            'http://user:password@a:1',
            'http://a:port',
            'http://a:70000',
            'http://a:1?x',
            'http+unix://a/s',
            'http+unix://',
        ):
            with self.subTest(url), self.assertRaises(errors.StartupError):
                from_url(url)

    def test_passwords_are_not_repeated(self) -> None:
        with self.assertRaises(errors.StartupError) as caught:
            from_url('http://user:hidden@a:1')
        self.assertNotIn('hidden', caught.exception.message)

    def test_where_to_listen(self) -> None:
        for text, expected in {
            '0.0.0.0:1': Address('0.0.0.0', 1),
            '[::]:1': Address('::', 1),
            'localhost': Address('localhost', 9312),
            '/run/s': Address(port=0, path='/run/s'),
        }.items():
            with self.subTest(text):
                self.assertEqual(expected, to_listen_at(text))
        for text in ('', ':1', 'a:b', 'run/s', '1.2.3.4:99999'):
            with self.subTest(text), self.assertRaises(errors.StartupError):
                to_listen_at(text)
