# SPDX-License-Identifier: Apache-2.0
"""What tests of the pkcs11 strategy on SoftHSM have in common."""

import contextlib
import os
import pathlib
import signal
import typing
import unittest

from secretstore import errors
from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.functional.services import system, tokens

KEY = bytes(range(32))
BINDING = b'project key of somebody'


def workers(parent: int | None = None) -> list[int]:
    """The worker processes that a process (this one) has started."""
    return [
        int(folder.name)
        for folder in pathlib.Path('/proc').iterdir()
        if folder.name.isdigit() and _is_worker(folder, parent or os.getpid())
    ]


def _is_worker(folder: pathlib.Path, parent: int) -> bool:
    try:
        fields = (folder / 'stat').read_text().rpartition(')')[2].split()
        words = (folder / 'cmdline').read_bytes().split(b'\0')
    except OSError:
        return False
    return int(fields[1]) == parent and (
        b'secretstore.security.pkcs11.worker' in words
    )


def is_alive(process: int) -> bool:
    """Whether it runs or is stopped, rather than waits to be reaped."""
    try:
        stat = pathlib.Path(f'/proc/{process}/stat').read_text()
    except OSError:
        return False
    return stat.rpartition(')')[2].split()[0] not in 'ZX'


@contextlib.contextmanager
def frozen(worker: int) -> typing.Iterator[None]:
    """It goes on afterwards, unless it is gone."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


class TokenTest(unittest.TestCase):
    """A test with a token of SoftHSM and a master key of its own."""

    options: typing.ClassVar[dict[str, object]] = {}

    def setUp(self) -> None:
        self.token = tokens.SoftHsm()
        self.token.use_in(self)
        self.strategy = self.started()
        self.reference = self.strategy.create_master_key()
        self.wrapped = self.strategy.wrap(self.reference, KEY, BINDING)

    def started(self, **options: object) -> SecurityWorkflow:
        conf = self.token.configuration(**{**self.options, **options})
        strategy = SecurityWorkflow(conf)
        strategy.start()
        self.addCleanup(strategy.stop)
        return strategy

    def unwrap(self) -> bytes:
        return self.strategy.unwrap(self.reference, self.wrapped, BINDING)

    def unwrap_with(self, key: str) -> bytes:
        return self.strategy.unwrap(key, self.wrapped, BINDING)

    def assert_works(self) -> None:
        self.assertEqual(KEY, self.unwrap())

    def refusal(
        self,
        call: typing.Callable[[], object] | None = None,
        failure: type[errors.SecretStoreError] = errors.MasterKeyUnavailable,
    ) -> str:
        """What the operator is told of a call that fails."""
        with self.assertRaises(failure) as caught:
            (call or self.unwrap)()
        message = caught.exception.message
        self.assertNotIn('\n', message)
        self.assertNotIn(self.token.pin, message)
        return message

    def assert_heals(self, seconds: float = 20) -> None:
        """By itself, when somebody asks now and then."""

        def works() -> bool:
            try:
                return self.unwrap() == KEY
            except (errors.MasterKeyUnavailable, errors.MasterKeyNotFound):
                return False

        system.wait_for('the token', works, seconds)
