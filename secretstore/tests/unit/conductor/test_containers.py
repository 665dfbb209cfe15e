# SPDX-License-Identifier: Apache-2.0
"""Containers as the conductor keeps them."""

from datetime import timedelta
from typing import Any
import uuid

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import utcnow
from secretstore.conductor.containers import ContainerManager
from secretstore.db.quotas import UNLIMITED
from secretstore.rpc.interface import (
    ContainerQuery,
    ContainerSecret,
    ContainerView,
    NewContainerConsumer,
    Page,
)
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
)
from secretstore.tests.unit.conductor.test_secrets import LosingDatabase
from secretstore.tests.unit.db.base import statements

ME = context('member')
OTHER = context(
    'member', project_id=base.OTHER_PROJECT, user_id=base.OTHER_USER
)
UNKNOWN = str(uuid.uuid4())
NOT_FOUND = 'Secrets container not found.'


class ContainersBase(ConductorTest):
    def setUp(self) -> None:
        super().setUp()
        self.containers = self.conductor.containers
        self.execute('DELETE FROM container_consumers')
        self.execute('DELETE FROM containers')
        self.execute('UPDATE project_usage SET containers = 0')

    def execute(self, statement: str, **values: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(sa.text(statement), values)

    def secret(self, name: str | None = None, who: Any = ME) -> Any:
        """A new secret, and the name it is to have in a container."""
        secret_id = self.conductor.secrets.create(who, new_secret())
        return ContainerSecret(secret_id, name)

    def expire(self, secret: ContainerSecret) -> None:
        self.execute(
            'UPDATE secrets SET expiration = :at WHERE id = :id',
            at=utcnow() - timedelta(seconds=1),
            id=secret.secret_id,
        )

    def create(self, *secrets: ContainerSecret, **fields: Any) -> str:
        new: Any = {'name': None, 'type': 'generic', **fields}
        return self.containers.create(ME, {**new, 'secrets': secrets})

    def get(self, container_id: str) -> ContainerView:
        return self.containers.get(ME, container_id)

    def secrets_in(self, container_id: str) -> list[ContainerSecret]:
        return self.get(container_id)['secrets']

    def page(self, **fields: Any) -> Page[ContainerView]:
        asked: ContainerQuery = {
            'limit': 10,
            'offset': 0,
            'marker': None,
            'name': None,
            'type': None,
        }
        return self.containers.page(ME, asked | fields)  # type: ignore[arg-type]

    def assert_raises(
        self, error: type[Exception], words: str, call: Any, *args: Any
    ) -> None:
        with self.assertRaises(error) as caught:
            call(*args)
        self.assertEqual(words, str(caught.exception))


class ContainersTest(ContainersBase):
    def test_what_is_made_is_what_is_told(self) -> None:
        one, two = self.secret('b'), self.secret('a')
        bare = self.secret()
        before = utcnow()
        container_id = self.create(one, two, bare, name='n', type='rsa')
        view = self.get(container_id)
        created = view['created']
        self.assertTrue(before <= created <= utcnow())
        expected: ContainerView = {
            'id': container_id,
            'name': 'n',
            'type': 'rsa',
            'creator_id': base.USER,
            'secrets': [bare, two, one],
            'consumers': [],
            'created': created,
            'updated': created,
        }
        self.assertEqual(expected, view)
        self.assertEqual(([view], 1), self.page())

    def test_secrets_that_are_not_there(self) -> None:
        unknown = ContainerSecret(UNKNOWN, 'u')
        foreign = self.secret('f', who=OTHER)
        expired = self.secret('e')
        self.expire(expired)
        good = self.secret('g')
        container_id = self.create()
        for secret in (unknown, foreign, expired):
            with self.subTest(secret.name):
                self.assert_raises(
                    errors.NotFound,
                    f"Secret provided for '{secret.name}' doesn't exist.",
                    self.create,
                    good,
                    secret,
                )
                self.assert_raises(
                    errors.NotFound,
                    "Secret provided doesn't exist.",
                    self.containers.add_secret,
                    ME,
                    container_id,
                    secret,
                )
        self.assertEqual(1, self.page().total)
        self.assertEqual([], self.secrets_in(container_id))

    def test_secrets_come_and_go(self) -> None:
        secret = self.secret('a')
        other = secret._replace(name=None)
        container_id = self.create(other)
        made = self.get(container_id)
        add = (self.containers.add_secret, ME, container_id, secret)
        remove = (self.containers.remove_secret, ME, container_id, secret)
        for _ in range(2):
            self.containers.add_secret(ME, container_id, secret)
            self.assertEqual([other, secret], self.secrets_in(container_id))
            with self.assertRaisesRegex(errors.Conflict, 'already stored'):
                add[0](*add[1:])
            self.containers.remove_secret(ME, container_id, secret)
            self.assert_raises(
                errors.NotFound,
                'Secret provided is not in the container',
                *remove,
            )
        self.assertEqual(made, self.get(container_id))

    def test_only_generic_ones_get_more(self) -> None:
        secret = self.secret('private_key')
        for kind in ('rsa', 'certificate'):
            container_id = self.create(secret, type=kind)
            self.assert_raises(
                errors.InvalidInput,
                "Only 'generic' containers can be modified.",
                self.containers.add_secret,
                ME,
                container_id,
                self.secret('public_key'),
            )
            self.containers.remove_secret(ME, container_id, secret)
            self.assertEqual([], self.secrets_in(container_id))

    def test_an_expired_secret_can_be_taken_out(self) -> None:
        secret = self.secret('a')
        container_id = self.create(secret)
        self.expire(secret)
        self.assertEqual([secret], self.secrets_in(container_id))
        self.containers.remove_secret(ME, container_id, secret)
        self.assertEqual([], self.secrets_in(container_id))

    def test_a_deleted_secret_is_out(self) -> None:
        secret, stays = self.secret('a'), self.secret('b')
        container_id = self.create(secret, stays)
        self.conductor.secrets.delete(ME, secret.secret_id)
        self.assertEqual([stays], self.secrets_in(container_id))

    def test_delete(self) -> None:
        secret = self.secret()
        container_id, other = self.create(secret), self.create(secret)
        self.conductor.container_consumers.add(
            ME, container_id, NewContainerConsumer(name='n', url='u')
        )
        self.containers.delete(ME, container_id)
        for call, *more in (
            (self.containers.get,),
            (self.containers.delete,),
            (self.containers.add_secret, secret),
            (self.containers.remove_secret, secret),
        ):
            self.assert_raises(
                errors.NotFound, NOT_FOUND, call, ME, container_id, *more
            )
        self.assertEqual([secret], self.secrets_in(other))
        self.assertEqual(1, self.page().total)

    def test_pages(self) -> None:
        ids = [self.create(name=f'{n % 2}') for n in range(5)]
        found = [view['id'] for view in self.page(limit=2, offset=2).items]
        self.assertEqual(ids[2:4], found)
        after = self.page(limit=2, marker=ids[0]).items
        self.assertEqual(ids[1:3], [view['id'] for view in after])
        self.assertEqual(3, self.page(name='0').total)
        self.assertEqual(0, self.page(type='rsa').total)
        self.assertEqual(5, self.page(type='generic').total)

    def test_statements(self) -> None:
        """As many for fifty secrets as for one."""

        def counts(number: int) -> list[int]:
            secrets = [self.secret(str(n)) for n in range(number)]
            more = self.secret('more')
            found = []
            made: list[str] = []
            for call in (
                lambda: made.append(self.create(*secrets)),
                lambda: self.get(made[0]),
                lambda: self.containers.add_secret(ME, made[0], more),
                lambda: self.containers.remove_secret(ME, made[0], more),
                lambda: self.page(limit=100),
                lambda: self.containers.delete(ME, made[0]),
            ):
                with statements(sa.Engine) as seen:
                    call()
                # Only SQLite needs to say when it begins.
                asked = [one for one, _ in seen if one != 'BEGIN IMMEDIATE']
                found.append(len(asked))
            return found

        few = counts(1)
        self.assertEqual([4, 3, 4, 2, 3, 5], few)
        for _ in range(20):
            self.create(self.secret())
        self.assertEqual(few, counts(50))


class LostAnswersTest(ContainersBase):
    """What was committed is done once, though nobody was told."""

    def setUp(self) -> None:
        super().setUp()
        self.losing = LosingDatabase.from_conf(self.conf)
        self.addCleanup(self.losing.dispose)
        self.containers = ContainerManager(
            self.losing, Authorization(self.conf), UNLIMITED, 1
        )

    def test_of_everything(self) -> None:
        secret = self.secret('a')
        self.losing.losses = 1
        container_id = self.create()
        self.assertEqual(1, self.page().total)
        self.losing.losses = 1
        self.containers.add_secret(ME, container_id, secret)
        self.assertEqual([secret], self.secrets_in(container_id))
        self.losing.losses = 1
        self.containers.remove_secret(ME, container_id, secret)
        self.assertEqual([], self.secrets_in(container_id))
        self.losing.losses = 1
        self.containers.delete(ME, container_id)
        self.assertEqual(([], 0), self.page())

    def test_a_conflict_stays_one(self) -> None:
        secret = self.secret('a')
        container_id = self.create(secret)
        self.losing.losses = 1
        with self.assertRaises(errors.Conflict):
            self.containers.add_secret(ME, container_id, secret)
        self.losing.losses = 0

    def test_away(self) -> None:
        container_id = self.create()
        self.losing.is_away = True
        for call in (
            self.create,
            lambda: self.containers.delete(ME, container_id),
        ):
            self.assertRaises(errors.DatabaseUnavailable, call)
