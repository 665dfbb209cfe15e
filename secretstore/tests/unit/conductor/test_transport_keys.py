# SPDX-License-Identifier: Apache-2.0
"""The service's key pair, made by whoever needs it first."""

from concurrent import futures
import threading
from typing import Any, ClassVar
import uuid

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import service
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.secret_stores import SecretStoreManager
from secretstore.conductor.transport_keys import TransportKeyManager
from secretstore.crypto import transport
from secretstore.keys.hierarchy import SERVICE_PROJECT
from secretstore.rpc.interface import Conductor
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
)
from secretstore.tests.unit.conductor.test_secrets import LosingDatabase
from secretstore.tests.unit.crypto.test_transport import seal

ME = context()


class TransportKeysTest(ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {'transport_keys__enabled': True}

    def test_eight_conductors_make_one_pair(self) -> None:
        conductors = [service.build(self.conf).conductor for _ in range(8)]
        start = threading.Barrier(8)

        def work(conductor: Conductor) -> tuple[str, str]:
            start.wait(30)
            return conductor.secrets.create_for_transport(ME, new_secret())

        with futures.ThreadPoolExecutor(8) as pool:
            made = list(pool.map(work, conductors))
        ((_, key_id),) = {(0, key) for _, key in made}
        key = self.conductor.transport_keys.get(ME, key_id)
        for conductor, (secret_id, _) in zip(conductors, made, strict=True):
            info = transport.info_of_secret(secret_id)
            conductor.secrets.put_payload(
                ME,
                secret_id,
                'text/plain',
                seal(key['public_key'], b'payload', info),
                key_id,
            )
            found = self.conductor.secrets.payload(ME, secret_id)
            self.assertEqual(b'payload', found.data)

    def test_private_half_is_the_services(self) -> None:
        """It is under a project key, which no caller's project has."""
        self.conductor.secrets.create_for_transport(ME, new_secret())
        with self.database.reading() as connection:
            ((project_id,),) = connection.execute(
                sa.text(
                    'SELECT project_id FROM project_keys JOIN transport_keys '
                    'ON project_key_id = project_keys.id'
                )
            )
            ((envelope,),) = connection.execute(
                sa.text('SELECT envelope FROM transport_keys WHERE in_use')
            )
        self.assertEqual(SERVICE_PROJECT, project_id)
        # Of a sealed seed there is nothing but its length to see.
        self.assertEqual(77 + 28 + transport.SEED_SIZE, len(envelope))

    def test_registered_keys_are_never_in_use(self) -> None:
        admin = context('admin', 'reader')
        keys = self.conductor.transport_keys
        ids = [
            keys.create(admin, {'suite': 'p', 'public_key': 'k'})
            for _ in range(2)
        ]
        _, key_id = self.conductor.secrets.create_for_transport(
            ME, new_secret()
        )
        self.assertNotIn(key_id, ids)
        page = keys.page(
            ME, {'limit': 10, 'offset': 0, 'marker': None, 'suite': 'p'}
        )
        self.assertEqual(ids, [view['id'] for view in page.items])
        self.assertEqual(2, page.total)
        for each in ids:
            keys.delete(admin, each)
        self.assertEqual(4, uuid.UUID(key_id).version)


class LostAnswersTest(ConductorTest):
    """What did commit is done, whoever heard of it."""

    overrides: ClassVar[dict[str, Any]] = {
        'transport_keys__enabled': True,
        'enabled_security_strategies': [
            'secretstore.security.proprietary.SecurityWorkflow'
        ],
    }

    def setUp(self) -> None:
        super().setUp()
        self.losing = LosingDatabase.from_conf(self.conf)
        self.addCleanup(self.losing.dispose)
        self.keys = service.key_hierarchy(self.conf, self.losing)
        self.keys.start()
        self.parts = (self.losing, self.keys, Authorization(self.conf))

    def test_delete_a_transport_key(self) -> None:
        admin = context('admin')
        manager = TransportKeyManager(*self.parts, self.conf)
        key_id = manager.current_id()
        self.losing.losses = 1
        manager.delete(admin, key_id)
        with self.assertRaises(errors.NotFound):
            manager.delete(admin, key_id)

    def test_prefer_no_store(self) -> None:
        admin = context('admin', 'reader')
        manager = SecretStoreManager(*self.parts, self.conf)
        store = manager.all(admin)[1]['id']
        manager.prefer(admin, store)
        self.losing.losses = 1
        manager.unprefer(admin, store)
        with self.assertRaises(errors.NotFound):
            manager.get_preferred(admin)
