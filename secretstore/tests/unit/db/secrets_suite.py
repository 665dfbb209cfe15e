# SPDX-License-Identifier: Apache-2.0
"""Secrets and payloads, on any database."""

import uuid

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore.db import metadata, models, secrets
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base

FULL = base.secret(
    name='clé \U0001f511 %_\\',
    secret_type='symmetric',
    algorithm='aes',
    bit_length=256,
    mode='cbc',
    content_type='application/octet-stream',
    expiration=base.NOW + base.SECOND,
)


class Secrets(base.DatabaseTest):
    def test_every_column_comes_back(self) -> None:
        bare = base.secret(creator_id=None)
        self.store(FULL, bare)
        with self.database.reading() as conn:
            for row in (FULL, bare):
                self.assertEqual(row, secrets.get(conn, row.id, base.NOW))

    def test_unknown(self) -> None:
        unknown = str(uuid.uuid4())
        with self.database.reading() as conn:
            self.assertIsNone(secrets.get(conn, unknown, base.NOW))
            self.assertIsNone(secrets.get_payload(conn, unknown, base.NOW))
        with self.database.writing() as conn:
            self.assertFalse(secrets.delete(conn, unknown))
            self.assertFalse(
                secrets.set_payload(
                    conn, unknown, 'text/plain', base.PAYLOAD, base.NOW
                )
            )

    def test_expired(self) -> None:
        expired = base.secret(expiration=base.NOW)
        self.store(expired)
        with self.database.reading() as conn:
            self.assertIsNone(secrets.get(conn, expired.id, base.NOW))
            self.assertIsNone(secrets.get_payload(conn, expired.id, base.NOW))
            before = base.NOW - base.SECOND
            self.assertEqual(expired, secrets.get(conn, expired.id, before))

    def test_with_payload(self) -> None:
        row = base.secret(content_type='text/plain')
        long = base.PAYLOAD._replace(envelope=bytes(range(256)) * 400)
        with self.database.writing() as conn:
            secrets.insert(conn, row, long)
        with self.database.reading() as conn:
            self.assertEqual(
                (
                    row.id,
                    row.project_id,
                    row.creator_id,
                    'text/plain',
                    None,
                    long.envelope,
                ),
                secrets.get_payload(conn, row.id, base.NOW),
            )

    def test_payload_later(self) -> None:
        row = base.secret()
        self.store(row)
        later = base.NOW + base.SECOND
        with self.database.reading() as conn:
            bare = secrets.get_payload(conn, row.id, base.NOW)
            assert bare is not None
            self.assertEqual((None, None), (bare.content_type, bare.envelope))
        for expected in (True, False):
            with self.database.writing() as conn:
                done = secrets.set_payload(
                    conn, row.id, 'text/plain', base.PAYLOAD, later
                )
            self.assertIs(expected, done)
        with self.database.reading() as conn:
            self.assertEqual(
                row._replace(content_type='text/plain', updated_at=later),
                secrets.get(conn, row.id, base.NOW),
            )
            found = secrets.get_payload(conn, row.id, base.NOW)
            assert found is not None
            self.assertEqual(base.PAYLOAD.envelope, found.envelope)

    def test_same_id_twice(self) -> None:
        row = base.secret()
        self.store(row)
        with self.assertRaises(db_exc.DBDuplicateEntry):
            self.store(row)
        self.assertEqual(1, self.total())

    def test_delete_leaves_nothing(self) -> None:
        row = base.secret(content_type='text/plain')
        with self.database.writing() as conn:
            secrets.insert(conn, row, base.PAYLOAD)
            metadata.add(conn, row.id, 'key', 'value')
        self.assertTrue(self.remove(row))
        self.assertFalse(self.remove(row))
        with self.database.reading() as conn:
            for model in (
                models.Secret,
                models.SecretPayload,
                models.SecretMetadatum,
            ):
                rows = conn.execute(sa.select(models.table(model))).all()
                self.assertEqual([], rows)
        self.assertEqual(0, self.total())

    def test_failed_transaction_leaves_nothing(self) -> None:
        row = base.secret()
        with self.assertRaises(ZeroDivisionError):
            with self.database.writing() as conn:
                secrets.insert(conn, row, base.PAYLOAD)
                raise ZeroDivisionError
        with self.database.reading() as conn:
            self.assertIsNone(secrets.get(conn, row.id, base.NOW))
        self.assertEqual(0, self.total())

    def test_statements(self) -> None:
        row = base.secret(content_type='text/plain')
        with self.database.writing() as conn:
            with base.statements(conn) as seen:
                secrets.insert(conn, row, base.PAYLOAD)
            self.assertEqual(3, len(seen), seen)
        with self.database.reading() as conn:
            with base.statements(conn) as seen:
                secrets.get_payload(conn, row.id, base.NOW)
            self.assertEqual(1, len(seen), seen)
        with self.database.writing() as conn:
            with base.statements(conn) as seen:
                secrets.delete(conn, row.id)
            self.assertEqual(2, len(seen), seen)


class SecretsTogether(base.DatabaseTest):
    def test_total_of_busy_project(self) -> None:
        store = retried(self.store)
        remove = retried(self.remove)

        def work(number: int) -> None:
            rows = [base.secret() for _ in range(6)]
            for row in rows:
                store(row)
            for row in rows[:4]:
                remove(row)

        outcome = self.together(16, work)
        self.assertEqual([None] * 16, outcome)
        rows, total = self.page(limit=100)
        self.assertEqual(32, total)
        self.assertEqual(32, len(rows))

    def test_delete_of_one_secret(self) -> None:
        row = base.secret()
        self.store(row, base.secret())
        remove = retried(self.remove)
        outcome = self.together(16, lambda number: remove(row))
        self.assertEqual([False] * 15 + [True], sorted(outcome))
        self.assertEqual(1, self.total())

    def test_payload_of_one_secret(self) -> None:
        row = base.secret()
        self.store(row)

        @retried
        def set_payload(number: int) -> bool:
            payload = base.PAYLOAD._replace(envelope=b'%d' % number)
            with self.database.writing() as conn:
                return secrets.set_payload(
                    conn, row.id, f'text/{number}', payload, base.NOW
                )

        outcome = self.together(16, set_payload)
        self.assertEqual(1, outcome.count(True), outcome)
        self.assertEqual(15, outcome.count(False), outcome)
        winner = outcome.index(True)
        with self.database.reading() as conn:
            found = secrets.get_payload(conn, row.id, base.NOW)
        assert found is not None
        self.assertEqual(f'text/{winner}', found.content_type)
        self.assertEqual(b'%d' % winner, found.envelope)
