# SPDX-License-Identifier: Apache-2.0
"""The service as clients find it: in the catalog, below a path."""

import typing
import unittest
import urllib.parse

from barbicanclient import client as barbicanclient
from castellan.common.objects import passphrase
from castellan.key_manager import barbican_key_manager
from keystoneauth1 import session
from keystoneauth1.identity import v3
from oslo_config import cfg
from oslo_context import context

from secretstore.tests.functional import services
from secretstore.tests.functional.services import accounts, own, system

REGION = 'BelowAPath'


class TestBelowAPath(unittest.TestCase):
    """As devstack has it: /key-manager in the catalog, named barbican."""

    server: typing.ClassVar[own.SecretStore]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        identity = services.keystone()
        database = services.mariadb()
        database.create_database('below_a_path')
        cls.server = own.SecretStore(
            database.url('below_a_path'), own.with_keystone(identity)
        )
        cls.server.mount = '/key-manager'
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        identity.register_endpoint(cls.server.url, REGION)
        account = accounts.BENCH
        cls.session = session.Session(
            auth=v3.Password(
                auth_url=identity.auth_url,
                username=account.user,
                password=account.password,
                project_name=account.project,
                user_domain_name='Default',
                project_domain_name='Default',
            )
        )

    def assert_below(self, ref: str) -> None:
        self.assertTrue(ref.startswith(f'{self.server.url}/v1/'), ref)
        self.assertNotIn('//', urllib.parse.urlsplit(ref).path)

    def test_barbicanclient(self) -> None:
        barbican = barbicanclient.Client(
            session=self.session, region_name=REGION
        )
        ref = barbican.secrets.create(payload='hush').store()
        self.assert_below(ref)
        self.assertEqual('hush', barbican.secrets.get(ref).payload)
        listed = barbican.secrets.list(limit=1)
        self.assert_below(listed[0].secret_ref)

    def test_openstack_command(self) -> None:
        identity = services.keystone()
        env = {
            'HOME': str(self.server.folder),
            **identity.client_env(accounts.BENCH.user),
            'OS_REGION_NAME': REGION,
        }
        ref = system.run(
            [
                own.program('openstack'),
                *('secret', 'store', '--payload', 'hush'),
                *('-f', 'value', '-c', 'Secret href'),
            ],
            env=system.environment(**env),
        )
        self.assert_below(ref.strip())

    def test_castellan(self) -> None:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        manager = barbican_key_manager.BarbicanKeyManager(conf)
        conf.set_override(
            'auth_endpoint', services.keystone().auth_url, 'barbican'
        )
        conf.set_override('barbican_region_name', REGION, 'barbican')
        conf.set_override('barbican_endpoint_type', 'internal', 'barbican')
        caller = context.RequestContext(
            auth_token=self.session.get_token(),
            project_id=self.session.get_project_id(),
            overwrite=False,
        )
        stored = manager.store(caller, passphrase.Passphrase(b'hush'))
        self.assertEqual(b'hush', manager.get(caller, stored).get_encoded())

    def test_the_last_version_is_the_base_path(self) -> None:
        """Tacker's way: service barbican, interface internal, last version."""
        endpoint = self.session.get_endpoint(
            service_type='key-manager',
            service_name='barbican',
            interface='internal',
            region_name=REGION,
        )
        self.assertEqual(self.server.url, endpoint)
        document = self.session.get(endpoint, raise_exc=False).json()
        last = document['versions']['values'][-1]
        self.assertEqual('v1', last['id'])
        found = self.session.get(f'{endpoint}/{last["id"]}/secrets')
        self.assertEqual(200, found.status_code)
        self.assert_below(last['links'][0]['href'])
