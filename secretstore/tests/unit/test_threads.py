# SPDX-License-Identifier: Apache-2.0
import signal
import threading
import unittest

from secretstore import threads


def blocked() -> set[int]:
    return {int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


class TestThreads(unittest.TestCase):
    def test_gets_no_signals(self) -> None:
        before, found = blocked(), []
        thread = threading.Thread(target=lambda: found.append(blocked()))
        threads.start(thread)
        thread.join(30)
        self.assertLessEqual({signal.SIGTERM, signal.SIGINT}, found[0])
        self.assertEqual(before, blocked())
