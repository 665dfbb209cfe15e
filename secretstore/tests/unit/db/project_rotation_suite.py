# SPDX-License-Identifier: Apache-2.0
"""Project keys that are replaced, on any database."""

from typing import Any
import uuid

import sqlalchemy as sa

from secretstore.db import (
    keys,
    models,
    orders,
    project_rotation,
    secrets,
    transport_keys,
)
from secretstore.db.project_rotation import PLACES, Envelope
from secretstore.tests.unit.db import base
from secretstore.tests.unit.db.rotation_suite import master_key

LATER = base.NOW + base.SECOND


def envelope(key_id: str) -> bytes:
    """As long as one is, and under that key."""
    return b'\x01' + uuid.UUID(key_id).bytes + b'\x00\xff' * 60


class ProjectRotation(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.master = master_key()
        with self.database.writing() as conn:
            keys.add_master_key(conn, self.master)
        self.old = self.add_key()

    def add_key(self, **fields: Any) -> keys.ProjectKeyRow:
        row = keys.ProjectKeyRow(
            id=str(uuid.uuid4()),
            project_id=base.PROJECT,
            master_key_id=self.master.id,
            wrapped_key=b'\x00wrapped\xff',
            in_use=True,
            created_at=base.NOW,
        )._replace(**fields)
        with self.database.writing() as conn:
            keys.add_project_key(conn, row)
        return row

    def replace(self) -> keys.ProjectKeyRow:
        with self.database.writing() as conn:
            self.assertTrue(project_rotation.replace(conn, self.old.id))
            self.assertFalse(project_rotation.replace(conn, self.old.id))
        return self.add_key(created_at=LATER)

    def seal_one_of_each(self, key_id: str) -> None:
        secret = base.secret(content_type='text/plain')
        transport_key = transport_keys.TransportKeyRow(
            str(uuid.uuid4()), 's', 'p', key_id, b'', False, base.NOW
        )
        order = {
            'id': str(uuid.uuid4()),
            'project_id': base.PROJECT,
            'type': 'asymmetric',
            'meta': '{}',
            'pass_phrase': envelope(key_id),
            'status': orders.PENDING,
            'attempts': 0,
            'created_at': base.NOW,
            'updated_at': base.NOW,
        }
        named_key = {
            'id': str(uuid.uuid4()),
            'project_id': base.PROJECT,
            'kind': 'k',
            'object_id': key_id,
            'title': 't',
            'strategy': 'one',
            'project_key_id': key_id,
            'envelope': envelope(key_id),
            'created_at': base.NOW,
        }
        with self.database.writing() as conn:
            conn.execute(sa.insert(models.table(models.NamedKey)), named_key)
            secrets.insert(
                conn, secret, secrets.StoredPayload(key_id, envelope(key_id))
            )
            transport_keys.add(
                conn, transport_key._replace(envelope=envelope(key_id))
            )
            conn.execute(sa.insert(models.table(models.Order)), order)

    def under(self, key_id: str) -> list[list[Envelope]]:
        with self.database.reading() as conn:
            return [place.some(conn, key_id, '', 10) for place in PLACES]

    def test_places(self) -> None:
        new = self.replace()
        self.seal_one_of_each(self.old.id)
        self.seal_one_of_each(new.id)
        found = self.under(self.old.id)
        self.assertEqual([1] * len(PLACES), [*map(len, found)])
        with self.database.writing() as conn:
            for place, (stored,) in zip(PLACES, found, strict=True):
                self.assertEqual(envelope(self.old.id), stored.envelope)
                self.assertEqual(
                    [], place.some(conn, self.old.id, stored.id, 10)
                )
                moved = stored._replace(envelope=envelope(new.id))
                for done in (True, False):
                    self.assertEqual(
                        done, place.move(conn, self.old.id, new.id, moved)
                    )
        self.assertEqual([[]] * len(PLACES), self.under(self.old.id))
        for place in self.under(new.id):
            self.assertEqual(
                [envelope(new.id)] * 2, [stored.envelope for stored in place]
            )

    def test_counts(self) -> None:
        self.seal_one_of_each(self.old.id)
        self.assertEqual((0, 0), self.counts())
        new = self.replace()
        self.seal_one_of_each(new.id)
        self.assertEqual((1, 1), self.counts())

    def counts(self) -> tuple[int, int]:
        with self.database.reading() as conn:
            return project_rotation.count_replaced(conn)

    def test_replaced_and_older(self) -> None:
        with self.database.reading() as conn:
            self.assertEqual([], project_rotation.replaced(conn, '', 10))
        new = self.replace()
        with self.database.reading() as conn:
            self.assertEqual(new, project_rotation.in_use(conn, base.PROJECT))
            self.assertIsNone(project_rotation.in_use(conn, 'another'))
            self.assertEqual(
                [self.old._replace(in_use=False)],
                project_rotation.replaced(conn, '', 10),
            )
            self.assertEqual(
                [], project_rotation.replaced(conn, self.old.id, 10)
            )
            older = project_rotation.older
            self.assertEqual([], older(conn, LATER, '', 10))
            self.assertEqual([new], older(conn, LATER + base.SECOND, '', 10))
            self.assertEqual([], older(conn, LATER, new.id, 10))

    def delete(self, key_id: str) -> bool:
        with self.database.writing() as conn:
            return project_rotation.delete(conn, key_id)

    def test_delete(self) -> None:
        self.assertFalse(self.delete(self.old.id))
        new = self.replace()
        self.seal_one_of_each(self.old.id)
        for place, (stored,) in zip(
            PLACES, self.under(self.old.id), strict=True
        ):
            self.assertFalse(self.delete(self.old.id))
            moved = stored._replace(envelope=envelope(new.id))
            with self.database.writing() as conn:
                place.move(conn, self.old.id, new.id, moved)
        self.assertTrue(self.delete(self.old.id))
        self.assertFalse(self.delete(self.old.id))
