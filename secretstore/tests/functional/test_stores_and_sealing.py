# SPDX-License-Identifier: Apache-2.0
"""Two secret stores, and the client example of sealed payloads."""

import contextlib
import os
import pathlib
import sqlite3
import sys
import typing
import unittest

import openstack

from secretstore.tests.functional import clients
from secretstore.tests.functional.services import own, system

EXAMPLE = pathlib.Path(__file__).parents[3] / 'doc/source/user/seal_payload.py'
OTHER = 'secretstore.security.proprietary.SecurityWorkflow'
OPTIONS = f"""
[DEFAULT]
enabled_security_strategies = {OTHER}
[transport_keys]
enabled = true
"""


class TestStoresAndSealing(unittest.TestCase):
    server: own.Standalone
    cloud: typing.Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = own.Standalone()
        with cls.server:
            pass
        with (cls.server.state_folder / 'secretstore.conf').open('a') as file:
            file.write(OPTIONS)
        cls.enterClassContext(cls.server)
        deployment = clients.of_standalone(cls.server)
        cls.secrets = deployment.barbican().secrets
        known = openstack.config.OpenStackConfig(
            config_files=[str(cls.server.state_folder / 'clouds.yaml')],
            load_envvars=False,
        )
        cls.cloud = openstack.connection.Connection(
            config=known.get_one(own.CLOUD)
        )
        cls.addClassCleanup(cls.cloud.close)

    def seal(self, text: str) -> str:
        """Run the example; the reference it prints."""
        env = {**os.environ, **self.server.client_env()}
        return system.run(
            [sys.executable, str(EXAMPLE)], env=env, text=text
        ).strip()

    def guards(self) -> list[str]:
        """The strategy of each project key in use but the service's own."""
        path = self.server.state_folder / 'secretstore.db'
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute(
                'SELECT strategy FROM master_keys JOIN project_keys ON '
                'master_key_id = master_keys.id '
                "WHERE project_id NOT LIKE '%service' AND project_keys.in_use "
                'ORDER BY project_keys.rowid'
            )
            return [strategy for (strategy,) in rows]

    def test_example(self) -> None:
        for text in ('correct horse', 'x' * 20000):
            ref = self.seal(text)
            found = self.secrets.get(ref)
            self.assertEqual(text.encode(), found.payload)
            self.assertEqual(
                {'default': 'application/octet-stream'}, found.content_types
            )

    def test_example_with_too_much(self) -> None:
        with self.assertRaisesRegex(system.Error, '413'):
            self.seal('x' * 20001)

    def test_sealed_again_after_the_key_is_deleted(self) -> None:
        """The key is taken away between two uploads."""
        api = self.cloud.key_manager
        self.seal('before')
        (ref,) = api.get('/transport_keys').json()['transport_keys']
        self.assertEqual(204, api.delete(ref).status_code)
        found = self.secrets.get(self.seal('after'))
        self.assertEqual(b'after', found.payload)

    def test_stores(self) -> None:
        """What openstacksdk reads, and what the preference does."""
        api = self.cloud.key_manager
        default, other = api.secret_stores()
        self.assertEqual(
            [('proprietary', True), (OTHER, False)],
            [(store.name, store.global_default) for store in (default, other)],
        )
        found = api.get_global_default_secret_store()
        self.assertEqual(default.secret_store_id, found.secret_store_id)
        with self.assertRaises(openstack.exceptions.NotFoundException):
            api.get_preferred_secret_store()
        before = self.stored('before')
        self.assertEqual(['proprietary'], self.guards())
        prefer = f'/secret-stores/{other.secret_store_id}/preferred'
        self.assertEqual(204, api.post(prefer).status_code)
        found = api.get_preferred_secret_store()
        self.assertEqual(other.secret_store_id, found.secret_store_id)
        after = self.stored('after')
        self.assertEqual([OTHER], self.guards())
        self.assertEqual(204, api.delete(prefer).status_code)
        with self.assertRaises(openstack.exceptions.NotFoundException):
            api.get_preferred_secret_store()
        for ref, payload in ((before, 'before'), (after, 'after')):
            self.assertEqual(payload, self.secrets.get(ref).payload)

    def stored(self, payload: str) -> str:
        return str(self.secrets.create(payload=payload).store())
