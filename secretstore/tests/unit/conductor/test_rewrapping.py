# SPDX-License-Identifier: Apache-2.0
import pathlib
from typing import Any, ClassVar
import uuid

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor import rewrapping, service
from secretstore.db import secret_stores
from secretstore.db.keys import ProjectKeyRow
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import PROJECT, context, text_secret

# The same strategy under another name.
OTHER = 'secretstore.security.proprietary.SecurityWorkflow'


class ResealingTest(base.ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {
        'enabled_security_strategies': [OTHER],
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

    def test_what_failed_is_counted(self) -> None:
        mine = tuple(self.ids)
        self.sql(f'DELETE FROM secret_payloads WHERE secret_id NOT IN {mine}')
        self.sql("UPDATE secret_payloads SET envelope = x'01ff'")
        self.sql(
            "UPDATE project_keys SET created_at = '2020-01-01 00:00:00.0'"
        )
        self.addCleanup(self.sql, 'DELETE FROM secret_payloads')
        self.finish()
        with self.assertLogs('secretstore.conductor', 'ERROR') as logged:
            self.finish()
        self.assertIn('Could not rewrap 5 secrets', logged.output[-1])

    def two_projects(self) -> tuple[str, str, pathlib.Path]:
        """Their keys are too old; the first comes first, and has its own file.

        That is, it prefers a strategy with a master key in that file.
        """
        keys = service.key_hierarchy(self.conf, self.database)
        for project in (uuid.uuid4().hex, uuid.uuid4().hex):
            keys.seal(project, b'payload', b'row')
        master = keys.master_keys.in_use(OTHER)
        first, second = self.sql(
            'SELECT project_id FROM project_keys WHERE project_id != :p '
            'ORDER BY id'
        )
        for table in ('secret_stores', 'project_secret_stores'):
            self.addCleanup(self.sql, f'DELETE FROM {table}')
        self.addCleanup(
            self.sql, 'DELETE FROM project_keys WHERE project_id != :p'
        )
        store = secret_stores.SecretStoreRow(
            str(uuid.uuid4()), OTHER, master.created_at, master.created_at
        )
        with self.database.writing() as connection:
            secret_stores.add(connection, store)
            secret_stores.prefer(connection, first, store.id)
        self.sql(
            "UPDATE project_keys SET created_at = '2020-01-01 00:00:00.0'"
        )
        file = self.folder / 'keys' / f'{master.reference}.key'
        self.addCleanup(file.chmod, 0o600)
        self.addCleanup(file.write_bytes, file.read_bytes())
        return first, second, file

    def count(self, project: str) -> int:
        return len(
            self.sql(
                f"SELECT id FROM project_keys WHERE project_id = '{project}'"
            )
        )

    def test_custodian_of_one_project_away(self) -> None:
        """The keys of others are replaced for their age meanwhile."""
        away, here, file = self.two_projects()
        file.chmod(0o644)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.finish()
        self.assertEqual((1, 2), (self.count(away), self.count(here)))
        file.chmod(0o600)
        self.finish()
        self.assertEqual((2, 2), (self.count(away), self.count(here)))

    def test_custodian_of_what_is_moved_away(self) -> None:
        """That is no reason not to replace the keys of others."""
        away, here, file = self.two_projects()
        keys = service.key_hierarchy(self.conf, self.database)
        keys.project_keys.rotate(away)
        self.sql(
            'UPDATE secret_payloads SET project_key_id = (SELECT id FROM '
            f"project_keys WHERE project_id = '{away}' AND in_use IS NULL) "
            f"WHERE secret_id = '{self.ids[0]}'"
        )
        self.addCleanup(self.sql, 'DELETE FROM secret_payloads')
        file.chmod(0o644)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.finish()
        self.assertEqual(2, self.count(here))

    def test_project_whose_key_cannot_be_replaced(self) -> None:
        """A project that is with a custodian which lost its key."""
        lost, kept, file = self.two_projects()
        file.unlink()
        with self.assertLogs('secretstore.conductor', 'ERROR') as logged:
            self.finish()
        self.assertIn(f'of project {lost} is too old', logged.output[0])
        self.assertEqual((1, 2), (self.count(lost), self.count(kept)))

    def test_tasks(self) -> None:
        task = self.resealing.task()
        self.assertEqual(('resealing', 10), (task.name, task.seconds))
