# SPDX-License-Identifier: Apache-2.0
"""All that is sealed under project keys is found."""

import datetime
from typing import Any
import uuid

import sqlalchemy as sa

from secretstore.crypto.binding import binding
from secretstore.db import models, orders, project_rotation
from secretstore.db import named_keys as db_named
from secretstore.db import transport_keys as db_transport
from secretstore.keys import hierarchy
from secretstore.tests.unit.db import base, named_keys_suite
from secretstore.tests.unit.keys import reseal_world
from secretstore.tests.unit.keys.reseal_world import MINE, WAIT


class PlacesTest(reseal_world.ResealingTest):
    """All that is sealed, and no column is forgotten."""

    def test_every_column_of_envelopes_is_known(self) -> None:
        known = {place.column for place in project_rotation.PLACES}
        wrapped = {
            models.table(models.MasterKey).c.check_value,
            models.table(models.ProjectKey).c.wrapped_key,
        }
        found = {
            column
            for table in models.Base.metadata.sorted_tables
            for column in table.columns
            if isinstance(column.type, sa.LargeBinary)
        }
        self.assertEqual(found, known | wrapped)

    def test_transport_key(self) -> None:
        key_id, service = str(uuid.uuid4()), hierarchy.SERVICE_PROJECT
        bound = binding('transport key', service, key_id)
        sealed = self.here.keys.seal(service, b'seed', bound)
        row = db_transport.TransportKeyRow(
            key_id,
            's',
            'p',
            sealed.project_key_id,
            sealed.record,
            True,
            base.NOW,
        )
        with self.database.writing() as conn:
            db_transport.add(conn, row)
        new = self.rotate(service)
        self.assertEqual(1, self.reseal())
        with self.database.reading() as conn:
            found = db_transport.get(conn, key_id)
        assert found is not None and found.envelope is not None
        self.assertEqual(new, found.project_key_id)
        keys = self.process().keys
        self.assertEqual(b'seed', keys.open(service, found.envelope, bound))

    def add_named(self, row: db_named.NamedKeyRow) -> bytes:
        """Store a sealed key; its binding."""
        bound = binding('named key', MINE, row.id)
        sealed = self.here.keys.seal(MINE, b'key', bound)
        with self.database.writing() as conn:
            db_named.add(
                conn,
                row._replace(
                    project_key_id=sealed.project_key_id,
                    envelope=sealed.record,
                ),
            )
        return bound

    def test_one_that_is_missing(self) -> None:
        """It is told as damaged, and others are moved."""
        rows = [
            named_keys_suite.key(
                id=f'{number}{str(uuid.uuid4())[1:]}',
                project_id=MINE,
                object_id=str(number),
            )
            for number in range(3)
        ]
        for row in rows:
            self.add_named(row)
        self.sql(
            'UPDATE named_keys SET envelope = NULL WHERE id = :id',
            id=rows[0].id,
        )
        new = self.rotate()
        with self.assertLogs('secretstore.keys.reseal', 'ERROR') as logged:
            self.assertEqual(2, self.reseal())
        self.assertIn(f'named key {rows[0].id}', ''.join(logged.output))
        found = self.sql(
            'SELECT object_id FROM named_keys WHERE project_key_id = :new',
            new=new,
        )
        self.assertEqual({('1',), ('2',)}, set(found))

    def test_named_key(self) -> None:
        row = named_keys_suite.key(project_id=MINE)
        bound = self.add_named(row)
        new = self.rotate()
        self.assertEqual(1, self.reseal())
        with self.database.reading() as conn:
            found = db_named.get(conn, MINE, row.kind, row.object_id)
        assert found is not None and found.envelope is not None
        self.assertEqual(new, found.project_key_id)
        keys = self.process().keys
        self.assertEqual(b'key', keys.open(MINE, found.envelope, bound))

    def order(self, **fields: Any) -> orders.OrderRow:
        order_id = str(uuid.uuid4())
        bound = binding('order pass phrase', MINE, order_id)
        row = orders.OrderRow(
            id=order_id,
            project_id=MINE,
            creator_id=None,
            type='asymmetric',
            meta='{}',
            pass_phrase=self.here.keys.seal(MINE, b'open', bound).record,
            status=orders.PENDING,
            error_status_code=None,
            error_reason=None,
            secret_id=None,
            container_id=None,
            attempts=0,
            claimed_until=base.NOW,
            created_at=base.NOW,
            updated_at=base.NOW,
        )._replace(**fields)
        with self.database.writing() as conn:
            conn.execute(sa.insert(models.table(models.Order)), row._asdict())
        return row

    def test_pass_phrase_of_an_order_that_waits(self) -> None:
        row = self.order()
        self.order(pass_phrase=None)
        self.rotate()
        self.assertEqual(1, self.reseal())
        self.assertEqual(0, self.reseal())
        ((record,),) = self.sql(
            'SELECT pass_phrase FROM orders WHERE id = :id', id=row.id
        )
        keys = self.process().keys
        bound = binding('order pass phrase', MINE, row.id)
        self.assertEqual(b'open', keys.open(MINE, record, bound))
        self.clock.now += WAIT
        self.reseal()
        self.assertEqual(1, len(self.keys_of()))

    def test_older(self) -> None:
        self.add()
        (row,) = self.older(base.NOW + datetime.timedelta(36500))
        self.assertEqual(MINE, row.project_id)
        self.assertEqual([], self.older(row.created_at))

    def older(self, before: datetime.datetime) -> list[Any]:
        with self.database.reading() as conn:
            return list(project_rotation.older(conn, before, '', 10))
