# SPDX-License-Identifier: Apache-2.0
"""Sessions that are open while no other can be opened."""

from concurrent import futures
import contextlib
import os
import signal
import threading
import typing
from unittest import mock

from secretstore import errors
from secretstore.security.pkcs11 import reference
from secretstore.tests.functional import pkcs11_base


class TestSessions(pkcs11_base.TokenTest):
    options: typing.ClassVar[dict[str, object]] = {'workers': 4}

    def open_sessions(self, number: int) -> None:
        """Each is opened because those before it are busy."""
        with (
            futures.ThreadPoolExecutor(2 * number) as pool,
            contextlib.ExitStack() as busy,
        ):
            for _ in range(number - 1):
                busy.enter_context(pkcs11_base.frozen(self.newest()))
                calls = [pool.submit(self.unwrap) for _ in range(2)]
                both = futures.wait(calls, 20, futures.FIRST_COMPLETED)
                self.assertEqual(
                    [pkcs11_base.KEY], [c.result() for c in both.done]
                )
        self.assertEqual(number, len(pkcs11_base.workers()))

    def newest(self) -> int:
        return max(pkcs11_base.workers())

    def test_those_that_are_open_stay(self) -> None:
        self.open_sessions(4)
        self.token.write_pin('00000000')
        lost = reference.new('lost').reference
        with futures.ThreadPoolExecutor(4) as pool:
            for call in [
                pool.submit(self.unwrap_with, lost) for _ in range(12)
            ]:
                message = self.refusal(call.result)
                self.assertIn('the token refused this PIN', message)
        # The first one was given up for one that could not be opened.
        self.assertEqual(3, len(pkcs11_base.workers()))
        self.assert_works()
        self.token.write_pin(self.token.pin)
        for _ in range(2):
            self.refusal(
                lambda: self.unwrap_with(lost), errors.MasterKeyNotFound
            )
        self.assert_works()

    def test_no_thread_can_be_started(self) -> None:
        os.kill(pkcs11_base.workers()[0], signal.SIGKILL)
        with mock.patch.object(
            threading.Thread, 'start', side_effect=RuntimeError('no more')
        ):
            self.assertIn('no thread to open it in: no more', self.refusal())
        self.assert_works()
