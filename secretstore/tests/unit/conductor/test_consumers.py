# SPDX-License-Identifier: Apache-2.0
"""Consumers as the conductor keeps them; test_access.py tells for whom."""

from datetime import timedelta
from typing import Any
import uuid

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import utcnow
from secretstore.conductor.secret_consumers import SecretConsumerManager
from secretstore.context import RequestContext
from secretstore.db.quotas import UNLIMITED
from secretstore.rpc.interface import (
    NewSecretConsumer,
    PageQuery,
    SecretConsumerView,
    SecretView,
)
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
    query,
)
from secretstore.tests.unit.conductor.test_secrets import LosingDatabase
from secretstore.tests.unit.db.base import statements

ME = context('member')
OTHER = context(
    'member', project_id=base.OTHER_PROJECT, user_id=base.OTHER_USER
)
FIRST: PageQuery = {'limit': 10, 'offset': 0, 'marker': None}


def consumer(resource_id: str = 'one') -> NewSecretConsumer:
    return {
        'service': 'nova',
        'resource_type': 'servers',
        'resource_id': resource_id,
    }


def ids(view: SecretView) -> list[str]:
    assert view['consumers'] is not None
    return [one['resource_id'] for one in view['consumers']]


def of_projects(count: int) -> list[RequestContext]:
    """The same user in several projects."""
    return [
        context('member', project_id=f'{number:032}', user_id=base.OTHER_USER)
        for number in range(count)
    ]


class CountingTest(ConductorTest):
    def counted(self, project_id: str | None) -> int:
        """How many consumers a project is said to have."""
        with self.database.reading() as connection:
            return int(
                connection.execute(
                    sa.text(
                        'SELECT coalesce(sum(consumers), 0) FROM '
                        'project_usage WHERE project_id = :of'
                    ),
                    {'of': project_id},
                ).scalar_one()
            )

    def statements(self, call: Any, *args: Any) -> int:
        """How many a call takes."""
        with statements(sa.Engine) as seen:
            call(*args)
        # Only SQLite needs it.
        return len([one for one, _ in seen if one != 'BEGIN IMMEDIATE'])


class SecretConsumersBase(CountingTest):
    def setUp(self) -> None:
        super().setUp()
        self.secrets = self.conductor.secrets
        self.consumers = self.conductor.secret_consumers
        self.secret_id = self.secrets.create(ME, new_secret())

    def add(self, *resources: str, caller: Any = ME) -> SecretView:
        for resource_id in resources:
            view = self.consumers.add(
                caller, self.secret_id, consumer(resource_id)
            )
        return view

    def remove(self, resource_id: str, caller: Any = ME) -> SecretView:
        return self.consumers.remove(
            caller, self.secret_id, consumer(resource_id)
        )

    def page(self, **fields: Any) -> tuple[list[SecretConsumerView], int]:
        asked = {**FIRST, **fields}
        return self.consumers.page(
            ME,
            self.secret_id,
            asked,  # type: ignore[arg-type]
        )

    def share(self) -> None:
        self.conductor.secret_acls.replace(
            ME,
            self.secret_id,
            {'users': [base.OTHER_USER], 'project_access': True},
        )


class SecretConsumersTest(SecretConsumersBase):
    def test_add(self) -> None:
        before = utcnow()
        view = self.add('one', 'two')
        self.assertEqual(self.secret_id, view['id'])
        self.assertEqual(['one', 'two'], ids(view))
        self.assertTrue(before < view['updated'] <= utcnow())
        self.assertEqual(
            view, self.secrets.get(ME, self.secret_id, with_consumers=True)
        )
        rows, total = self.page()
        self.assertEqual((view['consumers'], 2), (rows, total))
        with_them = self.secrets.page(ME, query(limit=100), True).items
        self.assertIn(view, with_them)
        without = self.secrets.page(ME, query(limit=100)).items
        self.assertEqual({None}, {one['consumers'] for one in without})

    def test_add_again(self) -> None:
        once = self.add('one')
        counted = self.counted(base.PROJECT)
        self.assertEqual(once, self.add('one'))
        self.assertEqual(counted, self.counted(base.PROJECT))

    def test_one(self) -> None:
        admin = context('admin', 'member')
        self.add('one', 'two')
        rows, _ = self.page()
        for row in rows:
            self.assertEqual(
                row, self.consumers.get(admin, self.secret_id, row['id'])
            )
        other = self.secrets.create(ME, new_secret())
        for secret_id, consumer_id in (
            (other, rows[0]['id']),
            (self.secret_id, str(uuid.uuid4())),
        ):
            with self.assertRaisesRegex(errors.NotFound, 'Consumer not'):
                self.consumers.get(admin, secret_id, consumer_id)

    def test_remove(self) -> None:
        self.add('one', 'two')
        counted = self.counted(base.PROJECT)
        self.assertEqual(['two'], ids(self.remove('one')))
        self.assertEqual(counted - 1, self.counted(base.PROJECT))
        with self.assertRaisesRegex(errors.NotFound, 'Consumer not found'):
            self.remove('one')
        self.assertEqual(counted - 1, self.counted(base.PROJECT))

    def test_pages(self) -> None:
        self.add(*(str(number) for number in range(5)))
        first, total = self.page(limit=2)
        self.assertEqual(5, total)
        second, _ = self.page(limit=2, offset=2, marker=first[-1]['id'])
        third, _ = self.page(limit=2, offset=4)
        found = [one['resource_id'] for one in (*first, *second, *third)]
        self.assertEqual(list('01234'), found)

    def test_of_others(self) -> None:
        self.share()
        self.add('mine')
        mine, theirs = (
            self.counted(project)
            for project in (base.PROJECT, base.OTHER_PROJECT)
        )
        self.add('theirs', 'theirs too', caller=OTHER)
        self.assertEqual(theirs + 2, self.counted(base.OTHER_PROJECT))
        with self.assertRaisesRegex(errors.NotOwner, 'only the creator'):
            self.remove('mine', caller=OTHER)
        self.remove('theirs', caller=OTHER)
        self.assertEqual(['mine'], ids(self.remove('theirs too')))
        self.add('theirs', caller=OTHER)
        self.secrets.delete(ME, self.secret_id)
        self.assertEqual(mine - 1, self.counted(base.PROJECT))
        self.assertEqual(theirs, self.counted(base.OTHER_PROJECT))

    def test_delete_of_the_secret(self) -> None:
        self.add('one')
        with self.assertRaisesRegex(errors.HasConsumers, 'has consumers'):
            self.secrets.delete(ME, self.secret_id, unless_consumed=True)
        self.assertEqual(['one'], ids(self.add('one')))
        self.remove('one')
        self.secrets.delete(ME, self.secret_id, unless_consumed=True)
        for call in (lambda: self.add('one'), lambda: self.remove('one')):
            with self.assertRaisesRegex(errors.NotFound, 'Secret not found'):
                call()

    def test_expired(self) -> None:
        self.add('one')
        with self.database.writing() as connection:
            connection.execute(
                sa.text('UPDATE secrets SET expiration = :at WHERE id = :of'),
                {
                    'at': str(utcnow() - timedelta(seconds=1)),
                    'of': self.secret_id,
                },
            )
        for call in (
            lambda: self.add('two'),
            lambda: self.remove('one'),
            self.page,
        ):
            with self.assertRaisesRegex(errors.NotFound, 'Secret not found'):
                call()


class LostAnswersTest(SecretConsumersTest):
    """The same where the answer to the first COMMIT is lost each time."""

    def setUp(self) -> None:
        super().setUp()
        self.losing = LosingDatabase(f'sqlite:///{self.folder}/secretstore.db')
        self.addCleanup(self.losing.dispose)
        self.consumers = SecretConsumerManager(
            self.losing, Authorization(self.conf), UNLIMITED, 10
        )

    def add(self, *resources: str, caller: Any = ME) -> SecretView:
        self.losing.losses = 1
        return super().add(*resources, caller=caller)

    def remove(self, resource_id: str, caller: Any = ME) -> SecretView:
        self.losing.losses = 1
        try:
            return super().remove(resource_id, caller=caller)
        finally:
            self.losing.losses = 0


class StatementsTest(SecretConsumersBase):
    def test_statements(self) -> None:
        """As many whatever the number of consumers."""

        def counts() -> list[int]:
            return [
                self.statements(self.add, 'new'),
                self.statements(self.add, 'new'),
                self.statements(self.remove, 'new'),
                self.statements(self.page),
                self.statements(self.secrets.get, ME, self.secret_id, True),
                self.statements(self.secrets.page, ME, query(limit=100), True),
            ]

        self.add('first')
        few = counts()
        self.assertEqual([5, 2, 4, 2, 2, 2], few)
        self.add(*(str(number) for number in range(50)))
        self.assertEqual(few, counts())
        self.share()
        for number, caller in enumerate(of_projects(30)):
            self.add(f'theirs {number}', caller=caller)
        # One more than the consumers take asks for the access list.
        self.assertEqual(
            9, self.statements(self.secrets.delete, ME, self.secret_id)
        )


class QuotaTest(ConductorTest):
    overrides = {'quotas__quota_consumers': 1}

    def test_no_more_than_one(self) -> None:
        secret_id = self.conductor.secrets.create(ME, new_secret())
        consumers = self.conductor.secret_consumers
        consumers.add(ME, secret_id, consumer('one'))
        with self.assertRaises(errors.QuotaReached):
            consumers.add(ME, secret_id, consumer('two'))
        consumers.add(ME, secret_id, consumer('one'))
        self.assertEqual(1, consumers.page(ME, secret_id, FIRST).total)
        consumers.remove(ME, secret_id, consumer('one'))
        consumers.add(ME, secret_id, consumer('two'))
