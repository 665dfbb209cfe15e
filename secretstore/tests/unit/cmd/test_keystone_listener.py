# SPDX-License-Identifier: Apache-2.0
from secretstore.tests.unit.cmd.base import CommandTest

_NO_EVENTLET = """
import sys
from secretstore.rpc import messaging
messaging.library()
import oslo_messaging._drivers.impl_rabbit
from oslo_service import backend
print(backend.get_backend_type().value)
print([n for n, m in sys.modules.items() if m and n.startswith('eventlet')])
"""


class KeystoneListenerTest(CommandTest):
    def upgraded(self, *lines: str) -> None:
        self.assert_ends(0, self.run_command('manage', 'db', 'upgrade'))
        text = '\n'.join(('[keystone_notifications]', *lines, ''))
        with self.file.open('a') as file:
            file.write(text)

    def test_a_database_without_a_schema(self) -> None:
        done = self.run_command('keystone_listener')
        self.assert_ends(
            1, done, 'secretstore-keystone-listener: ', 'db upgrade'
        )

    def test_what_is_no_message_bus(self) -> None:
        self.upgraded('transport_url = //user:hidden@nowhere/')
        done = self.run_command('keystone_listener')
        self.assert_ends(1, done, '[keystone_notifications] transport_url')
        self.assertNotIn('hidden', done.stdout + done.stderr)

    def test_a_url_that_cannot_be_read(self) -> None:
        self.upgraded('transport_url = rabbit://user:hidden@nowhere:hidden/')
        done = self.run_command('keystone_listener')
        self.assert_ends(1, done, '[keystone_notifications] transport_url')
        self.assertNotIn('hidden', done.stdout + done.stderr)

    def test_an_unknown_driver(self) -> None:
        self.upgraded('transport_url = pigeon://user:hidden@nowhere/')
        done = self.run_command('keystone_listener')
        self.assert_ends(
            1, done, '[keystone_notifications] transport_url', 'pigeon'
        )
        self.assertNotIn('hidden', done.stdout + done.stderr)

    def test_threads_and_no_eventlet(self) -> None:
        done = self.run_python(_NO_EVENTLET)
        self.assert_ends(0, done)
        self.assertEqual(['threading', '[]'], done.stdout.splitlines())
