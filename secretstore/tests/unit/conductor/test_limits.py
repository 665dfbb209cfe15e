# SPDX-License-Identifier: Apache-2.0
"""How much may belong to one object."""

from typing import Any, ClassVar

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.secret_metadata import SecretMetadataManager
from secretstore.rpc.interface import (
    ContainerSecret,
    NewAcl,
    NewContainer,
    NewContainerConsumer,
    NewSecretConsumer,
)
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
)
from secretstore.tests.unit.conductor.test_secrets import LosingDatabase

ME = context('member')
STRANGER = context(
    'member', user_id=base.OTHER_USER, project_id=base.OTHER_PROJECT
)


def used_by(name: str) -> NewSecretConsumer:
    return {'service': 's', 'resource_type': 't', 'resource_id': name}


def at(url: str) -> NewContainerConsumer:
    return {'name': 'n', 'url': url}


class LimitsTest(ConductorTest):
    """Two of each, and changes when there are two already."""

    overrides: ClassVar[dict[str, Any]] = {
        'limits__consumers_per_object': 2,
        'limits__members_per_container': 2,
        'limits__metadata_per_secret': 2,
        'limits__users_per_acl': 2,
    }

    def setUp(self) -> None:
        super().setUp()
        self.secret_id = self.conductor.secrets.create(ME, new_secret())

    def container(self, *names: str) -> str:
        new: NewContainer = {
            'name': None,
            'type': 'generic',
            'secrets': [self.member(name) for name in names],
        }
        return self.conductor.containers.create(ME, new)

    def member(self, name: str) -> ContainerSecret:
        return ContainerSecret(self.secret_id, name)

    def test_consumers_of_a_secret(self) -> None:
        """Of all projects together: who is let in cannot fill a list."""
        consumers, of = self.conductor.secret_consumers, self.secret_id
        self.conductor.secret_acls.replace(
            ME, of, {'users': [base.OTHER_USER], 'project_access': True}
        )
        consumers.add(ME, of, used_by('a'))
        for name in 'bb':
            consumers.add(STRANGER, of, used_by(name))
        for who in (ME, STRANGER):
            with self.assertRaises(errors.QuotaReached):
                consumers.add(who, of, used_by('c'))
        consumers.remove(ME, of, used_by('b'))
        consumers.add(ME, of, used_by('c'))

    def test_consumers_of_a_container(self) -> None:
        consumers, of = self.conductor.container_consumers, self.container()
        for url in 'abb':
            consumers.add(ME, of, at(url))
        with self.assertRaises(errors.QuotaReached):
            consumers.add(ME, of, at('c'))
        consumers.remove(ME, of, at('b'))
        consumers.add(ME, of, at('c'))

    def test_members(self) -> None:
        containers, of = self.conductor.containers, self.container('a')
        containers.add_secret(ME, of, self.member('b'))
        with self.assertRaises(errors.QuotaReached):
            containers.add_secret(ME, of, self.member('c'))
        with self.assertRaises(errors.Conflict):
            containers.add_secret(ME, of, self.member('b'))
        containers.remove_secret(ME, of, self.member('a'))
        containers.add_secret(ME, of, self.member(''))
        with self.assertRaises(errors.Conflict):
            containers.add_secret(ME, of, self.member(''))
        self.container('a', 'b')
        with self.assertRaisesRegex(errors.InvalidInput, 'at most 2 secrets'):
            self.container('a', 'b', 'c')

    def test_metadata(self) -> None:
        metadata, of = self.conductor.secret_metadata, self.secret_id
        for key in 'ab':
            metadata.add(ME, of, key, 'v')
        with self.assertRaises(errors.QuotaReached):
            metadata.add(ME, of, 'c', 'v')
        with self.assertRaises(errors.Conflict):
            metadata.add(ME, of, 'b', 'v')
        metadata.update(ME, of, 'b', 'w')
        with self.assertRaisesRegex(errors.InvalidInput, 'at most 2 pairs'):
            metadata.replace(ME, of, dict.fromkeys('abc', 'v'))
        self.assertEqual({'a': 'v', 'b': 'w'}, metadata.get_all(ME, of))
        metadata.replace(ME, of, dict.fromkeys('cd', 'v'))

    def test_users(self) -> None:
        few: NewAcl = {'users': ['a', 'b'], 'project_access': None}
        many: NewAcl = {'users': ['a', 'b', 'c'], 'project_access': None}
        for acls, of in (
            (self.conductor.secret_acls, self.secret_id),
            (self.conductor.container_acls, self.container()),
        ):
            for change in (acls.replace, acls.update):
                change(ME, of, few)
                with self.assertRaisesRegex(
                    errors.InvalidInput, 'at most 2 users'
                ):
                    change(ME, of, many)
            view = acls.get(ME, of)
            assert view is not None
            self.assertEqual(['a', 'b'], view['users'])


class LostAnswersTest(ConductorTest):
    """Where the answer to the first COMMIT is lost each time."""

    def test_metadata(self) -> None:
        """It is no conflict, and not one too many, that it was stored."""
        losing = LosingDatabase.from_conf(self.conf)
        self.addCleanup(losing.dispose)
        metadata = SecretMetadataManager(losing, Authorization(self.conf), 2)
        of = self.conductor.secrets.create(ME, new_secret())
        for key in 'ab':
            losing.losses = 1
            metadata.add(ME, of, key, 'v')
        losing.losses = 1
        with self.assertRaises(errors.Conflict):
            metadata.add(ME, of, 'b', 'v')
        self.assertEqual({'a': 'v', 'b': 'v'}, metadata.get_all(ME, of))
