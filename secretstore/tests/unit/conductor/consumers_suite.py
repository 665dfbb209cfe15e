# SPDX-License-Identifier: Apache-2.0
"""Consumers that come while others go, or their parents, on any database."""

from collections.abc import Callable
from pathlib import Path
import shutil
import tempfile

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import service
from secretstore.rpc.interface import (
    NewContainerConsumer,
    NewSecretConsumer,
    PageQuery,
)
from secretstore.tests.unit.conductor.base import (
    context,
    make_conf,
    new_secret,
    query,
)
from secretstore.tests.unit.db import base

ME = context('member')
FIRST: PageQuery = {'limit': 10, 'offset': 0, 'marker': None}
THREADS = 8
TURNS = 12


def of_secret(number: int) -> NewSecretConsumer:
    return {
        'service': 'nova',
        'resource_type': 'servers',
        'resource_id': str(number),
    }


def of_container(number: int) -> NewContainerConsumer:
    return {'name': 'lbaas', 'url': str(number)}


class ConsumersTogether(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        conf = make_conf(folder, database__connection=self.url)
        self.conductor = service.build(conf).conductor
        self.secrets = self.conductor.secrets
        self.containers = self.conductor.containers

    def secret(self) -> str:
        return self.secrets.create(ME, new_secret())

    def container(self) -> str:
        return self.containers.create(
            ME, {'name': None, 'type': 'generic', 'secrets': []}
        )

    def counted(self) -> int:
        with self.database.reading() as conn:
            return int(
                conn.execute(
                    sa.text('SELECT sum(consumers) FROM project_usage')
                ).scalar_one()
            )

    def beside(
        self, turn: int, delete: Callable[[], None], add: Callable[[int], None]
    ) -> tuple[object, list[object]]:
        """What delete() gave or raised, and add() of all other threads."""
        deleter = turn % THREADS

        def work(number: int) -> object:
            return delete() if number == deleter else add(number)

        outcome: list[object] = self.together(THREADS, work)
        return outcome.pop(deleter), outcome

    def assert_all(
        self, kind: type[Exception], outcome: list[object], turn: int
    ) -> None:
        for found in outcome:
            self.assertIsInstance(found, kind, f'turn {turn}: {outcome}')

    def test_the_same_consumer_comes_and_goes(self) -> None:
        secret_id = self.secret()
        consumers = self.conductor.secret_consumers

        def work(number: int) -> None:
            for turn in range(6):
                if (number + turn) % 2:
                    consumers.add(ME, secret_id, of_secret(0))
                    continue
                try:
                    consumers.remove(ME, secret_id, of_secret(0))
                except errors.NotFound as error:
                    self.assertIn('Consumer', error.message)

        self.assertEqual([None] * THREADS, self.together(THREADS, work))
        total = consumers.page(ME, secret_id, FIRST).total
        self.assertIn(total, (0, 1))
        self.assertEqual(total, self.counted())

    def test_added_while_the_secret_is_deleted(self) -> None:
        """Whoever was told that it is there finds the secret there."""
        consumers = self.conductor.secret_consumers
        for turn in range(TURNS):
            secret_id = self.secret()

            def delete(of: str = secret_id) -> None:
                self.secrets.delete(ME, of, unless_consumed=True)

            def add(number: int, to: str = secret_id) -> None:
                consumers.add(ME, to, of_secret(number))

            answer, outcome = self.beside(turn, delete, add)
            before = self.counted()
            if answer is None:
                self.assert_all(errors.NotFound, outcome, turn)
                self.assert_gone(secret_id)
                continue
            self.assert_all(errors.HasConsumers, [answer], turn)
            view = self.secrets.get(ME, secret_id, with_consumers=True)
            assert view['consumers'] is not None
            self.assertEqual(THREADS - 1, len(view['consumers']))
            self.secrets.delete(ME, secret_id)
            self.assertEqual(before - (THREADS - 1), self.counted())
        self.assertEqual(0, self.counted())

    def test_added_while_the_secret_is_deleted_with_force(self) -> None:
        consumers = self.conductor.secret_consumers
        for turn in range(TURNS):
            secret_id = self.secret()

            def delete(of: str = secret_id) -> None:
                self.secrets.delete(ME, of)

            def add(number: int, to: str = secret_id) -> None:
                consumers.add(ME, to, of_secret(number))

            answer, outcome = self.beside(turn, delete, add)
            self.assertIsNone(answer, turn)
            late = [one for one in outcome if isinstance(one, Exception)]
            self.assert_all(errors.NotFound, late, turn)
            self.assert_gone(secret_id)
            self.assertEqual(0, self.counted())

    def test_added_while_the_container_is_deleted(self) -> None:
        consumers = self.conductor.container_consumers
        for turn in range(TURNS):
            container_id = self.container()

            def delete(of: str = container_id) -> None:
                self.containers.delete(ME, of)

            def add(number: int, to: str = container_id) -> None:
                consumers.add(ME, to, of_container(number))

            answer, outcome = self.beside(turn, delete, add)
            self.assertIsNone(answer, turn)
            late = [one for one in outcome if isinstance(one, Exception)]
            self.assert_all(errors.NotFound, late, turn)
            with self.assertRaises(errors.NotFound):
                consumers.page(ME, container_id, FIRST)
            self.assertEqual(0, self.counted())

    def assert_gone(self, secret_id: str) -> None:
        with self.assertRaises(errors.NotFound):
            self.secrets.get(ME, secret_id)
        self.assertEqual(0, self.secrets.page(ME, query()).total)
