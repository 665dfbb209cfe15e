# SPDX-License-Identifier: Apache-2.0
"""The service that `make run-distributed` starts."""

import os
import signal
import sys

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import own, split, system, web

BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}


class Distributed(own.Standalone):
    """Its state folder is that of the standalone service."""

    name = 'distributed'

    def command(self) -> list[str]:
        module = 'secretstore.cmd.distributed'
        return [sys.executable, '-m', module, *super().command()[1:]]


class TestDistributed(base.FunctionalTest):
    def store(self, server: own.Standalone) -> str:
        answer = web.call(
            'POST',
            f'{server.url}/v1/secrets',
            BODY,
            clients.basic_auth(server),
        )
        self.assertEqual(201, answer.status, answer.body)
        return str(answer.json()['secret_ref'])

    def test_it_goes_on_with_one_conductor_and_ends_with_all(self) -> None:
        with Distributed() as server:
            ref = self.store(server)
            everything = _descendants(server.pid)
            first, second, *_ = split.children(server.pid)
            os.kill(first, signal.SIGKILL)
            for _ in range(10):
                self.store(server)
            said = 'conductor 1 has ended with status -9'
            system.wait_for('a word', lambda: said in server.log_text(), 10)
            os.kill(second, signal.SIGTERM)
            system.wait_for('its end', lambda: not server.running, 40)
            left = [pid for pid in everything if _runs(pid)]
            self.assertEqual([], left)
            self.assertNotIn('Traceback', server.log_text())
        with own.Standalone(server.state_folder) as alone:
            headers = clients.basic_auth(alone)
            ref = ref.replace(server.url, alone.url)
            answer = web.call('GET', f'{ref}/payload', headers=headers)
            self.assertEqual((200, b'hush'), (answer.status, answer.body))

    def test_ctrl_c(self) -> None:
        with Distributed() as server:
            self.store(server)
            everything = _descendants(server.pid)
            os.kill(server.pid, signal.SIGINT)
            system.wait_for('its end', lambda: not server.running, 40)
            self.assertEqual([], [pid for pid in everything if _runs(pid)])
            self.assertNotIn('Traceback', server.log_text())


def _descendants(pid: int) -> list[int]:
    found = split.children(pid)
    return found + [each for child in found for each in _descendants(child)]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
