# SPDX-License-Identifier: Apache-2.0
"""The processes that hold the HSM's library: few, and never in the way."""

from concurrent import futures
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
import typing

from secretstore import errors
from secretstore.tests.functional import pkcs11_base
from secretstore.tests.functional.services import system

THREADS = 32


class TestFaults(pkcs11_base.TokenTest):
    options: typing.ClassVar[dict[str, object]] = {
        'workers': 1,
        'call_timeout': 1.5,
    }

    def setUp(self) -> None:
        super().setUp()
        (self.worker,) = pkcs11_base.workers()

    def in_a_thread(self) -> 'futures.Future[bytes]':
        """A call that has begun, and does not end yet."""
        pool = futures.ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        call = pool.submit(self.unwrap)
        time.sleep(0.2)
        self.assertFalse(call.done())
        return call

    def test_killed_in_a_call(self) -> None:
        with pkcs11_base.frozen(self.worker):
            call = self.in_a_thread()
            os.kill(self.worker, signal.SIGKILL)
            self.assertEqual(pkcs11_base.KEY, call.result(10))
        self.assertNotEqual([self.worker], pkcs11_base.workers())

    def test_killed_while_idle(self) -> None:
        os.kill(self.worker, signal.SIGKILL)
        system.wait_for(
            'the end', lambda: not pkcs11_base.is_alive(self.worker), 10
        )
        self.assertTrue(self.strategy.create_master_key())
        self.assertNotIn(self.worker, pkcs11_base.workers())

    def test_what_must_not_run_twice_is_not_repeated(self) -> None:
        with pkcs11_base.frozen(self.worker):
            pool = futures.ThreadPoolExecutor(1)
            self.addCleanup(pool.shutdown)
            call = pool.submit(self.strategy.create_master_key)
            time.sleep(0.2)
            os.kill(self.worker, signal.SIGKILL)
            with self.assertRaises(errors.MasterKeyUnavailable) as caught:
                call.result(10)
        self.assertIn('died of SIGKILL', caught.exception.message)
        self.assert_works()

    def test_no_files_left(self) -> None:
        os.kill(self.worker, signal.SIGKILL)
        system.wait_for(
            'the end', lambda: not pkcs11_base.is_alive(self.worker), 10
        )
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Room for the PIN's file, and not for a worker's four.
        room = len(os.listdir('/proc/self/fd')) + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (room, before[1]))
        try:
            message = self.refusal()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        self.assertIn('no process can be started', message)
        self.assertIn('Too many open files', message)
        self.assert_works()

    def test_hung(self) -> None:
        with pkcs11_base.frozen(self.worker):
            message = self.refusal()
        self.assertIn('did not answer (unwrap) in 1.5 s', message)
        self.assertNotIn(self.worker, pkcs11_base.workers())
        self.assert_works()

    def test_all_busy(self) -> None:
        self.strategy = self.started(wait_timeout=0.3)
        (worker,) = set(pkcs11_base.workers()) - {self.worker}
        with pkcs11_base.frozen(worker):
            call = self.in_a_thread()
            for _ in range(3):
                message = self.refusal()
                self.assertIn('All 1 sessions with the token were', message)
            with self.assertRaises(errors.MasterKeyUnavailable):
                call.result(10)
        self.assert_works()


class TestProcesses(pkcs11_base.TokenTest):
    def test_stop_leaves_none(self) -> None:
        self.assertEqual(1, len(pkcs11_base.workers()))
        self.strategy.stop()
        self.assertEqual([], pkcs11_base.workers())

    def test_inherits_nothing(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as server:
            server.set_inheritable(True)
            self.started()
            number = os.fstat(server.fileno()).st_ino
            for worker in pkcs11_base.workers():
                links = [
                    os.readlink(entry)
                    for entry in pathlib.Path(f'/proc/{worker}/fd').iterdir()
                ]
                self.assertNotIn(f'socket:[{number}]', links)
                kinds = sorted(link.partition(':')[0] for link in links)
                self.assertEqual(1, kinds.count('socket'), links)

    def test_a_forked_process_has_its_own(self) -> None:
        ours = pkcs11_base.workers()
        child = os.fork()
        if child == 0:
            fine = self.unwrap() == pkcs11_base.KEY
            fine = fine and len(pkcs11_base.workers(os.getpid())) == 1
            os._exit(0 if fine else 1)
        self.assertEqual(0, os.waitpid(child, 0)[1])
        self.assertEqual(ours, pkcs11_base.workers())
        self.assert_works()

    def test_dies_with_the_service_even_when_it_hangs(self) -> None:
        script = f"""
            import time
            from secretstore.tests.functional import pkcs11_base
            from secretstore.security.pkcs11.strategy import SecurityWorkflow
            from secretstore.conf import register_opts
            from oslo_config import cfg
            conf = cfg.ConfigOpts()
            register_opts(conf)
            conf([], default_config_files=[])
            for name, value in {_texts(self.token.options())!r}.items():
                conf.set_override(name, value, 'pkcs11')
            strategy = SecurityWorkflow(conf)
            strategy.start()
            print(*pkcs11_base.workers(), flush=True)
            time.sleep(600)
        """
        service = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', textwrap.dedent(script)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(service.kill)
        assert service.stdout is not None
        with service.stdout:
            worker = int(service.stdout.readline())
        with pkcs11_base.frozen(worker):
            service.kill()
            service.wait()
            system.wait_for(
                'the end', lambda: not pkcs11_base.is_alive(worker), 10
            )


def _texts(options: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items()}
