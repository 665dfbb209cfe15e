# SPDX-License-Identifier: Apache-2.0
"""Consumers of containers; most is as test_consumers.py has it."""

from typing import Any

from secretstore import errors
from secretstore.rpc.interface import (
    ContainerConsumerView,
    ContainerQuery,
    ContainerSecret,
    ContainerView,
    NewContainerConsumer,
)
from secretstore.tests.unit.conductor.base import new_secret
from secretstore.tests.unit.conductor.test_consumers import (
    FIRST,
    ME,
    OTHER,
    CountingTest,
    of_projects,
)

ALL: ContainerQuery = {
    'limit': 100,
    'offset': 0,
    'marker': None,
    'name': None,
    'type': None,
}


def consumer(url: str = 'one') -> NewContainerConsumer:
    return {'name': 'lbaas', 'url': url}


def urls(view: ContainerView) -> list[str]:
    return [one['url'] for one in view['consumers']]


class ContainerConsumersTest(CountingTest):
    def setUp(self) -> None:
        super().setUp()
        self.containers = self.conductor.containers
        self.consumers = self.conductor.container_consumers
        secret_id = self.conductor.secrets.create(ME, new_secret())
        self.member = ContainerSecret(secret_id, 'member')
        self.container_id = self.containers.create(
            ME, {'name': None, 'type': 'generic', 'secrets': [self.member]}
        )

    def add(self, *names: str, caller: Any = ME) -> ContainerView:
        for url in names:
            view = self.consumers.add(caller, self.container_id, consumer(url))
        return view

    def remove(self, url: str, caller: Any = ME) -> ContainerView:
        return self.consumers.remove(caller, self.container_id, consumer(url))

    def page(self) -> tuple[list[ContainerConsumerView], int]:
        return self.consumers.page(ME, self.container_id, FIRST)

    def share(self) -> None:
        self.conductor.container_acls.replace(
            ME,
            self.container_id,
            {'users': [str(OTHER.user_id)], 'project_access': True},
        )

    def test_add_and_remove(self) -> None:
        counted = self.counted(ME.project_id)
        view = self.add('one', 'two', 'one')
        self.assertEqual(['one', 'two'], urls(view))
        self.assertEqual([self.member], view['secrets'])
        self.assertGreater(view['updated'], view['created'])
        self.assertEqual(view, self.containers.get(ME, self.container_id))
        self.assertIn(view, self.containers.page(ME, ALL).items)
        self.assertEqual((view['consumers'], 2), self.page())
        for one in view['consumers']:
            self.assertEqual(
                one, self.consumers.get(ME, self.container_id, one['id'])
            )
        self.assertEqual(counted + 2, self.counted(ME.project_id))
        view = self.remove('one')
        self.assertEqual(['two'], urls(view))
        self.assertEqual([self.member], view['secrets'])
        with self.assertRaisesRegex(errors.NotFound, 'Consumer not found'):
            self.remove('one')
        self.assertEqual(counted + 1, self.counted(ME.project_id))

    def test_delete_of_the_container(self) -> None:
        mine, theirs = (self.counted(one.project_id) for one in (ME, OTHER))
        self.share()
        self.add('mine')
        self.add('theirs', caller=OTHER)
        with self.assertRaises(errors.NotOwner):
            self.remove('mine', caller=OTHER)
        self.assertEqual(theirs + 1, self.counted(OTHER.project_id))
        self.containers.delete(ME, self.container_id)
        self.assertEqual(mine, self.counted(ME.project_id))
        self.assertEqual(theirs, self.counted(OTHER.project_id))
        for call in (
            lambda: self.add('one'),
            lambda: self.remove('mine'),
            self.page,
        ):
            with self.assertRaisesRegex(errors.NotFound, 'container not'):
                call()

    def test_statements(self) -> None:
        """As many whatever the number of consumers."""

        def counts() -> list[int]:
            return [
                self.statements(self.add, 'new'),
                self.statements(self.add, 'new'),
                self.statements(self.remove, 'new'),
                self.statements(self.page),
                self.statements(self.containers.get, ME, self.container_id),
                self.statements(self.containers.page, ME, ALL),
            ]

        self.add('first')
        few = counts()
        self.assertEqual([6, 3, 5, 2, 3, 3], few)
        self.add(*(str(number) for number in range(50)))
        self.assertEqual(few, counts())
        self.share()
        for number, caller in enumerate(of_projects(30)):
            self.add(f'theirs {number}', caller=caller)
        # One more than the consumers take asks for the access list.
        self.assertEqual(
            8, self.statements(self.containers.delete, ME, self.container_id)
        )
