# SPDX-License-Identifier: Apache-2.0
"""A project that Keystone deletes takes all it has here along."""

import time
from typing import ClassVar
import uuid

from secretstore.conductor.purge import Purge
from secretstore.db.engine import Database
from secretstore.tests.functional import base
from secretstore.tests.functional.services import (
    accounts,
    identity,
    listener,
    mariadbd,
    own,
    rabbitmq,
    system,
    web,
)
from secretstore.tests.unit.conductor.stock import Stock

SECRET = {'payload': 'kept until then', 'payload_content_type': 'text/plain'}


class KeystoneListenerTest(base.FunctionalTest):
    bus: ClassVar[rabbitmq.RabbitMQ]
    mariadb: ClassVar[mariadbd.MariaDB]
    keystone: ClassVar[identity.Keystone]
    service: ClassVar[own.SecretStore]
    listener: ClassVar[listener.KeystoneListener]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.bus = cls.enterClassContext(rabbitmq.RabbitMQ())
        # Its own: it is stopped in the middle.
        cls.mariadb = cls.enterClassContext(mariadbd.MariaDB())
        cls.mariadb.create_database('secretstore')
        cls.keystone = cls.enterClassContext(
            identity.Keystone(
                {
                    'oslo_messaging_notifications': {
                        'driver': 'messagingv2',
                        'transport_url': cls.bus.transport_url,
                    }
                }
            )
        )
        url = cls.mariadb.url('secretstore')
        # One process: others would not know its tokens.
        cls.service = own.SecretStore(
            url, own.with_keystone(cls.keystone), processes=1
        )
        cls.service.options['keystone_notifications'] = {
            'transport_url': cls.bus.transport_url,
            'purge_again_after': 1,
        }
        cls.enterClassContext(cls.service)
        cls.listener = cls.enterClassContext(
            listener.KeystoneListener(cls.service.config_file)
        )

    def setUp(self) -> None:
        super().setUp()
        self.bus.start()
        self.mariadb.start()
        self.listener.start()
        # Connections do not outlive the server.
        self.database = Database(self.mariadb.url('secretstore'))
        self.addCleanup(self.database.dispose)
        self.directory = accounts.Directory(self.keystone.auth_url)
        self.token = ''

    def project(self) -> str:
        """The id of a new project that has some of everything."""
        name = f'project-{uuid.uuid4().hex}'
        account = accounts.Account(f'{name}-user', name, ('member',))
        self.directory.ensure_account(account)
        self.token, project_id = accounts.authenticate(
            self.keystone.auth_url, account
        )
        # Through the service first, so that there is a real key.
        self.assertEqual(201, self.store())
        Stock(self.database).secret(project_id)
        container = Stock(self.database).container(project_id)
        Stock(self.database).consumer(project_id, container=container)
        Stock(self.database).order(project_id)
        return project_id

    def store(self) -> int:
        answer = web.call(
            'POST',
            f'{self.service.url}/v1/secrets',
            SECRET,
            {'X-Auth-Token': self.token},
        )
        return answer.status

    def delete(self, project_id: str) -> None:
        """Delete a project in Keystone, and nothing else."""
        self.directory.call('DELETE', f'/projects/{project_id}')

    def left(self, project_id: str) -> dict[str, int]:
        found = Purge(self.database, 10).count(project_id)
        return {kind: count for kind, count in found.items() if count}

    def assert_goes(self, project_id: str) -> None:
        system.wait_for(
            f'the end of {project_id}', lambda: not self.left(project_id), 30
        )

    def test_a_deleted_project(self) -> None:
        kept, deleted = self.project(), self.project()
        before = self.left(kept)
        self.assertEqual(before, self.left(deleted))
        self.assertEqual(2, before['secrets'])
        self.assertEqual(1, before['project keys'])
        self.delete(deleted)
        self.assert_goes(deleted)
        self.assertEqual(before, self.left(kept))
        self.assertIn(f'Purged project {deleted}', self.listener.log_text())

    def test_what_is_stored_with_a_token_that_outlives_the_project(
        self,
    ) -> None:
        deleted = self.project()
        self.delete(deleted)
        self.assert_goes(deleted)
        # Keystone is not asked about a token that was good just now.
        self.assertEqual(201, self.store())
        self.assert_goes(deleted)

    def test_the_basic_format(self) -> None:
        deleted = self.project()
        usual = self.keystone.options
        self.keystone.stop()
        self.keystone.options = {
            **usual,
            'DEFAULT': {'notification_format': 'basic'},
        }
        self.keystone.start()
        self.directory = accounts.Directory(self.keystone.auth_url)
        self.delete(deleted)
        self.assert_goes(deleted)
        self.keystone.options = usual

    def test_deleted_while_nobody_listens(self) -> None:
        deleted = self.project()
        self.listener.stop()
        self.delete(deleted)
        self.assertNotEqual({}, self.left(deleted))
        self.listener.start()
        self.assert_goes(deleted)

    def test_deleted_while_the_database_is_away(self) -> None:
        deleted = self.project()
        self.mariadb.kill()
        self.delete(deleted)
        said = f'Project {deleted} is not purged yet'
        system.wait_for(
            'a failure', lambda: said in self.listener.log_text(), 60
        )
        self.mariadb.start()
        self.assert_goes(deleted)

    def test_a_message_bus_that_comes_back(self) -> None:
        deleted = self.project()
        self.bus.stop()
        self.bus.start()
        said = 'Reconnected to AMQP server'
        system.wait_for(
            'a new connection', lambda: said in self.listener.log_text(), 60
        )
        self.delete(deleted)
        self.assert_goes(deleted)

    def test_it_may_be_ended_while_there_is_no_message_bus(self) -> None:
        self.listener.stop()
        before = len(self.listener.log_text())
        self.bus.stop()
        self.listener.launch()
        system.wait_for(
            'a refusal',
            lambda: 'Connection refused' in self.listener.log_text()[before:],
            30,
        )
        began = time.monotonic()
        self.listener.stop()
        self.assertLess(time.monotonic() - began, 10)

    def test_the_listener_ends_at_once(self) -> None:
        began = time.monotonic()
        self.listener.stop()
        self.assertLess(time.monotonic() - began, 10)
        self.assertNotIn('Traceback', self.listener.log_text())
