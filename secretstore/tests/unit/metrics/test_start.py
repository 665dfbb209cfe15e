# SPDX-License-Identifier: Apache-2.0
import os
import socket
import threading
import urllib.error
import urllib.request

from secretstore import errors
from secretstore.metrics import endpoint, record, start
from secretstore.tests.unit.metrics import base


class TestStart(base.MetricsTest):
    def test_off(self) -> None:
        for listen in (None, ''):
            self.assertIsNone(start.start(self.metrics_conf(listen=listen)))
        self.assertEqual([], list(self.directory.iterdir()))

    def test_what_is_no_address(self) -> None:
        for listen in ('9313', 'localhost', 'a:b', ':9313', 'a:0', 'a:70000'):
            with self.assertRaises(errors.StartupError) as caught:
                start.start(self.metrics_conf(listen=listen))
            self.assertIn(f'listen = {listen}:', caught.exception.message)

    def test_an_address_of_somebody_else(self) -> None:
        for shared in (False, True):
            with socket.create_server(
                (base.HOST, 0), reuse_port=shared
            ) as other:
                listen = f'{base.HOST}:{other.getsockname()[1]}'
                with self.assertRaises(errors.StartupError) as caught:
                    start.start(self.metrics_conf(listen=listen))
            self.assertIn(
                f'cannot listen on {listen}: Address already in use',
                caught.exception.message,
            )

    def test_a_folder_that_cannot_be_made(self) -> None:
        file = self.directory / 'file'
        file.touch()
        with self.assertRaises(errors.StartupError) as caught:
            start.start(self.metrics_conf(directory=str(file / 'metrics')))
        self.assertIn(f'{file}', caught.exception.message)
        self.assertIn('Not a directory', caught.exception.message)

    def test_nobody_else_can_look_into_the_folder(self) -> None:
        self.start_metrics()
        (folder,) = self.directory.iterdir()
        self.assertEqual(0o40700, folder.stat().st_mode)

    def test_answers_metrics_and_nothing_else(self) -> None:
        self.start_metrics()
        with urllib.request.urlopen(f'http://{self.listen}/metrics') as got:
            self.assertEqual(200, got.status)
            self.assertIn('text/plain', got.headers['Content-Type'])
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f'http://{self.listen}/metrics', b'data')
        self.assertEqual(405, caught.exception.code)
        caught.exception.close()

    def test_one_who_says_nothing_is_left(self) -> None:
        before, endpoint._Handler.timeout = endpoint._Handler.timeout, 1
        self.addCleanup(setattr, endpoint._Handler, 'timeout', before)
        self.start_metrics()
        host, port = self.listen.split(':')
        with socket.create_connection((host, int(port))) as silent:
            self.assertEqual(0, self.value('database_failures_total'))
            silent.settimeout(20)
            self.assertEqual(b'', silent.recv(100))

    def test_ends(self) -> None:
        started = start.start(self.metrics_conf())
        assert started is not None
        started.stop()
        record.database_failure()
        with self.assertRaises(OSError):
            base.scrape(self.listen)
        names = {thread.name for thread in threading.enumerate()}
        self.assertNotIn(endpoint.THREAD_NAME, names)

    def test_a_forked_process_counts_and_answers(self) -> None:
        started = self.start_metrics()
        record.database_failure()
        ready, write = os.pipe()
        wait, done = os.pipe()
        child = os.fork()
        if not child:
            # Nothing of the test's own may run in here.
            try:
                record.database_failure()
                os.write(write, b'x')
                os.close(done)
                os.read(wait, 1)
            finally:
                os._exit(0)
        os.close(wait)
        os.read(ready, 1)
        self.assertEqual(2, self.value('database_failures_total'))
        # With the parent's thread gone, the child is the one who answers.
        started._endpoint._server.shutdown()
        self.assertEqual(2, self.value('database_failures_total'))
        os.close(done)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(write)
