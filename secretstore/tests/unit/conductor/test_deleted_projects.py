# SPDX-License-Identifier: Apache-2.0
from typing import Any

from secretstore import errors
from secretstore.conductor.deleted_projects import EVENT, DeletedProjects
from secretstore.conductor.purge import Purge
from secretstore.db import models
from secretstore.db.engine import Database
from secretstore.keys.hierarchy import SERVICE_PROJECT
from secretstore.tests.unit.conductor.stock import Stock
from secretstore.tests.unit.db import base

A, B = 'a' * 32, 'b' * 32
# As Keystone sends it when notification_format is cadf.
CADF = {
    'typeURI': 'http://schemas.dmtf.org/cloud/audit/1.0/event',
    'eventType': 'activity',
    'action': 'deleted.project',
    'outcome': 'success',
    'target': {'typeURI': 'data/security/project', 'id': A},
    'initiator': {'typeURI': 'service/security/account/user', 'id': B},
    'resource_info': A,
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class DeletedProjectsTest(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.stock = Stock(self.database)
        for project in (A, B):
            self.stock.all_of(project)
        self.counting = Purge(self.database, 10)
        self.clock = Clock()
        self.endpoint = self.listening(self.database)

    def listening(self, database: Database, again: int = 900) -> Any:
        endpoint = DeletedProjects(Purge(database, 10), again, self.clock)
        # Failures are not waited for.
        endpoint.stop()
        return endpoint

    def told(
        self, payload: object, event: str = EVENT, endpoint: Any = None
    ) -> object:
        endpoint = endpoint or self.endpoint
        return endpoint.info({}, 'identity.host', event, payload, {})

    def left(self, project: str) -> int:
        return sum(self.counting.count(project).values())

    def test_both_formats(self) -> None:
        self.assertEqual('handled', self.told({'resource_info': B}))
        self.assertEqual(0, self.left(B))
        self.assertNotEqual(0, self.left(A))
        self.assertEqual('handled', self.told(CADF))
        self.assertEqual(0, self.left(A))

    def test_other_events(self) -> None:
        for event in (
            'identity.project.created',
            'identity.project.updated',
            'identity.user.deleted',
            'identity.authenticate',
            'compute.project.deleted',
            '',
        ):
            with self.subTest(event):
                self.assertEqual('handled', self.told(CADF, event))
        self.assertNotEqual(0, self.left(A))

    def test_what_cannot_be_understood(self) -> None:
        before = self.left(A)
        for payload in (
            None,
            A,
            [A],
            {},
            {'resource_info': None},
            {'resource_info': ''},
            {'resource_info': [A]},
            {'resource_info': {'id': A}},
            {'resource_info': 'a' * 256},
            {'resource_info': f'{A}\0'},
            {'resource_info': f'{A}\n'},
            {'resource_info': f'{A}\x7f'},
            {'resource_info': f'{A}\udc80'},
            {'resource_info': SERVICE_PROJECT},
        ):
            with self.subTest(payload), self.assertLogs('secretstore') as log:
                self.assertEqual('handled', self.told(payload))
            self.assertIn('Dropped', log.records[0].getMessage())
        self.assertEqual(before, self.left(A))

    def test_what_is_refused_for_good(self) -> None:
        class Refusing(Purge):
            def purge(self, project_id: str) -> dict[str, int]:
                raise errors.InvalidInput('not a project')

        endpoint = DeletedProjects(Refusing(self.database, 10), 900)
        with self.assertLogs('secretstore.conductor', 'WARNING') as log:
            self.assertEqual('handled', self.told(CADF, endpoint=endpoint))
        self.assertIn('not a project', log.records[0].getMessage())

    def test_a_database_that_is_away(self) -> None:
        away = self.listening(Database('sqlite:////nonexistent/a.db'))
        with self.assertLogs('secretstore.conductor', 'ERROR') as log:
            self.assertEqual('requeue', self.told(CADF, endpoint=away))
        self.assertIn(
            f'Project {A} is not purged yet', log.records[0].getMessage()
        )

    def test_once_more(self) -> None:
        self.told(CADF)
        task = self.endpoint.task()
        self.stock.secret(A)
        self.clock.now += 899
        task.run()
        self.assertNotEqual(0, self.left(A))
        self.clock.now += 1
        task.run()
        self.assertEqual(0, self.left(A))
        self.assertEqual({B}, self.stock.ids(models.ProjectUsage))
        # And never again.
        self.stock.secret(A)
        self.clock.now += 10000
        task.run()
        self.assertNotEqual(0, self.left(A))

    def test_not_once_more(self) -> None:
        endpoint = self.listening(self.database, again=0)
        self.told(CADF, endpoint=endpoint)
        self.stock.secret(A)
        self.clock.now += 10000
        endpoint.task().run()
        self.assertNotEqual(0, self.left(A))
