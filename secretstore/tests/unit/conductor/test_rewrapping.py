# SPDX-License-Identifier: Apache-2.0
from typing import Any, ClassVar

import sqlalchemy as sa

from secretstore.conductor import rewrapping, service
from secretstore.db.keys import ProjectKeyRow
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import PROJECT, context, text_secret


class ResealingTest(base.ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {
        'conductor__project_key_max_age': 30,
        'conductor__rewrap_batch_size': 2,
        'conductor__key_cache_ttl': 0,
    }

    def setUp(self) -> None:
        super().setUp()
        keys = service.key_hierarchy(self.conf, self.database)
        self.resealing = rewrapping.Resealing(self.database, keys, self.conf)
        self.ids = [
            self.conductor.secrets.create(context(), text_secret())
            for _ in range(5)
        ]

    def sql(self, statement: str) -> list[Any]:
        with self.database.writing() as connection:
            found = connection.execute(sa.text(statement), {'p': PROJECT})
            return list(found.scalars()) if found.returns_rows else []

    def keys(self) -> list[Any]:
        return self.sql(
            'SELECT id FROM project_keys WHERE project_id = :p ORDER BY rowid'
        )

    def finish(self) -> list[float | None]:
        """What each run returned until there was nothing to do."""
        returned: list[float | None] = []
        while not returned or returned[-1] is not None:
            returned.append(self.resealing.run())
        return returned

    def test_by_age(self) -> None:
        self.assertEqual([None], self.finish())
        (old,) = self.keys()
        self.sql(
            "UPDATE project_keys SET created_at = '2020-01-01 00:00:00.0'"
        )
        # A run that replaces keys, and one that notices.
        self.assertIsNone(self.resealing.run())
        _, new = self.keys()
        self.assertEqual([0.5, 0.5, 0.5, None], self.finish())
        under = self.sql('SELECT DISTINCT project_key_id FROM secret_payloads')
        self.assertEqual([new], under)
        self.assertNotEqual(old, new)
        for secret_id in self.ids:
            payload = self.conductor.secrets.payload(context(), secret_id)
            self.assertEqual(b'the payload', payload.data)

    def test_by_age_by_two(self) -> None:
        self.sql(
            "UPDATE project_keys SET created_at = '2020-01-01 00:00:00.0'"
        )
        before, test = self.keys(), self

        class Second(rewrapping.Resealing):
            """Sees what is too old, and then the other is faster."""

            def _too_old(self, after: str) -> list[ProjectKeyRow]:
                found = super()._too_old(after)
                test.resealing.run()
                return found

        keys = service.key_hierarchy(self.conf, self.database)
        Second(self.database, keys, self.conf).run()
        self.assertEqual(1, len(set(self.keys()) - set(before)))

    def test_tasks(self) -> None:
        task = self.resealing.task()
        self.assertEqual(('resealing', 10), (task.name, task.seconds))
