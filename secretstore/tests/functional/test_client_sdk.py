# SPDX-License-Identifier: Apache-2.0
"""openstacksdk's key_manager proxy, as Heat and Ansible use it."""

import typing
import unittest
import uuid

from keystoneauth1 import session
import openstack
from openstack import exceptions
from openstack.key_manager.v1 import container, order

from secretstore.tests.functional import clients, services
from secretstore.tests.functional.services import accounts

TEXT = {'payload': 'hush', 'payload_content_type': 'text/plain'}


class TestSdk(unittest.TestCase):
    """The proxy's methods, on uWSGI, MariaDB and Keystone.

    All but those for which there is nothing in the API: ``update_secret``,
    ``update_container``, ``update_order`` (Barbican refuses them as well)
    and ``migrate_secret_store`` (microversion 1.3).  Those of secret stores
    are called where there are several.
    """

    proxy: typing.ClassVar[typing.Any]
    admin: typing.ClassVar[typing.Any]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.proxy = _proxy(clients.keystone())
        cls.admin = _proxy(clients.keystone(accounts.ADMIN.user))

    def secret(self, **fields: typing.Any) -> typing.Any:
        made = self.proxy.create_secret(**(fields or TEXT))
        self.addCleanup(self.proxy.delete_secret, made.secret_id)
        return made

    def container(self, **fields: typing.Any) -> typing.Any:
        made = self.proxy.create_container(**{'type': 'generic'} | fields)
        ref = made.container_ref
        self.addCleanup(self.proxy.delete_container, ref.rsplit('/', 1)[1])
        return made

    def order(self) -> typing.Any:
        meta = {
            'algorithm': 'aes',
            'bit_length': 256,
            'mode': 'cbc',
            'payload_content_type': 'application/octet-stream',
        }
        made = self.proxy.create_order(type='key', meta=meta)
        self.addCleanup(self.proxy.delete_order, made.order_id)
        return made

    def test_secrets(self) -> None:
        name = uuid.uuid4().hex
        made = self.secret(name=name, **TEXT)
        found = self.proxy.get_secret(made.secret_id)
        self.assertEqual((name, 'hush'), (found.name, found.payload))
        listed = list(self.proxy.secrets(name=name))
        self.assertEqual([made.secret_ref], [s.secret_ref for s in listed])
        other = self.proxy.create_secret(**TEXT)
        self.proxy.delete_secret(other.secret_id, ignore_missing=False)
        # Its get does not look whether the answer is a 404.
        with self.assertRaises(exceptions.NotFoundException):
            self.proxy.delete_secret(other.secret_id, ignore_missing=False)

    def test_find(self) -> None:
        """By id: the entries of lists have none in which it would look."""
        for find, ref in (
            (self.proxy.find_secret, self.secret().secret_ref),
            (self.proxy.find_container, self.container().container_ref),
            (self.proxy.find_order, self.order().order_ref),
        ):
            with self.subTest(ref):
                found = find(ref.rsplit('/', 1)[1], ignore_missing=False)
                self.assertIn(ref, found.to_dict().values())
        for find in (self.proxy.find_container, self.proxy.find_order):
            with self.assertRaises(exceptions.NotFoundException):
                find(str(uuid.uuid4()), ignore_missing=False)

    def test_wait(self) -> None:
        """It asks by the id: what was just made only has its reference."""
        made = order.Order(id=self.order().order_id)
        waited = self.proxy.wait_for_status(made, 'ACTIVE', None, 0.1, 30)
        self.assertEqual('ACTIVE', waited.status)
        ref = self.container().container_ref
        made = container.Container(id=ref.rsplit('/', 1)[1])
        self.proxy.delete_container(made)
        self.proxy.wait_for_delete(made, 0.1, 30)

    def test_lists_follow_their_links(self) -> None:
        """With a limit it asks for more after the end, by a marker."""
        name = uuid.uuid4().hex
        made = {self.secret(name=name, **TEXT).secret_ref for _ in range(5)}
        listed = list(self.proxy.secrets(name=name, limit=2))
        self.assertEqual(5, len(listed))
        self.assertEqual(made, {secret.secret_ref for secret in listed})

    def test_containers(self) -> None:
        secret = self.secret()
        name = uuid.uuid4().hex
        members = [{'name': 'key', 'secret_ref': secret.secret_ref}]
        made = self.container(name=name, secret_refs=members)
        container_id = made.container_ref.rsplit('/', 1)[1]
        found = self.proxy.get_container(container_id)
        self.assertEqual((name, 'generic'), (found.name, found.type))
        self.assertEqual(members, found.secret_refs)
        refs = [c.container_ref for c in self.proxy.containers(name=name)]
        self.assertIn(made.container_ref, refs)

    def test_orders(self) -> None:
        made = self.order()
        order = self.proxy.get_order(made.order_id)
        self.assertEqual('ACTIVE', order.status)
        secret = self.proxy.get_secret(order.secret_id)
        self.addCleanup(self.proxy.delete_secret, secret)
        self.assertEqual(32, len(secret.payload))
        refs = [order.order_ref for order in self.proxy.orders()]
        self.assertIn(made.order_ref, refs)

    def test_acls_of_secrets(self) -> None:
        secret = self.secret().secret_id
        user = uuid.uuid4().hex
        self.proxy.set_secret_acl(
            secret, read={'users': [user], 'project-access': False}
        )
        found = self.proxy.get_secret_acl(secret).read
        self.assertEqual([user], found['users'])
        self.assertIs(False, found['project-access'])
        # Its update is a PUT, which leaves nothing of what there was.
        self.proxy.update_secret_acl(secret, read={'project-access': True})
        found = self.proxy.get_secret_acl(secret).read
        self.assertEqual([], found['users'])
        self.assertIs(True, found['project-access'])
        self.proxy.delete_secret_acl(secret)
        found = self.proxy.get_secret_acl(secret).read
        self.assertEqual({'project-access': True}, found)

    def test_acls_of_containers(self) -> None:
        made = self.container()
        container = made.container_ref.rsplit('/', 1)[1]
        user = uuid.uuid4().hex
        self.proxy.create_container_acl(container, read={'users': [user]})
        found = self.proxy.get_container_acl(container).read
        self.assertEqual([user], found['users'])
        self.proxy.update_container_acl(
            container, read={'project-access': False}
        )
        found = self.proxy.get_container_acl(container).read
        self.assertEqual([user], found['users'])
        self.assertIs(False, found['project-access'])
        self.proxy.delete_container_acl(container)
        found = self.proxy.get_container_acl(container).read
        self.assertEqual({'project-access': True}, found)

    def test_consumers_of_secrets(self) -> None:
        secret = self.secret().secret_id
        consumer = {
            'service': 'volume',
            'resource_type': 'volumes',
            'resource_id': uuid.uuid4().hex,
        }
        self.proxy.create_secret_consumer(secret, **consumer)
        (found,) = self.proxy.secret_consumers(secret)
        self.assertEqual(consumer['resource_id'], found.resource_id)
        self.proxy.delete_secret_consumer(secret, **consumer)
        self.assertEqual([], list(self.proxy.secret_consumers(secret)))

    def test_quotas(self) -> None:
        project = services.keystone().project_id(f'q-{uuid.uuid4().hex}')
        self.admin.update_project_quota(project, secrets=7)
        found = self.admin.get_project_quota(project)
        self.assertEqual((7, None), (found.secrets, found.orders))
        self.admin.delete_project_quota(project, ignore_missing=False)
        with self.assertRaises(exceptions.NotFoundException):
            self.admin.get_project_quota(project)
        self.assertEqual(-1, self.proxy.get_quota().secrets)

    def test_one_secret_store(self) -> None:
        with self.assertRaises(exceptions.NotFoundException):
            self.proxy.get_global_default_secret_store()


def _proxy(deployment: clients.Deployment) -> typing.Any:
    connection = openstack.connection.Connection(
        session=session.Session(auth=deployment.auth),
        region_name=deployment.region,
    )
    return connection.key_manager
