# SPDX-License-Identifier: Apache-2.0
"""Secrets in a database, and who rewraps them."""

from secretstore.crypto.binding import binding
from secretstore.crypto.envelope import Envelope
from secretstore.db import secrets
from secretstore.keys import reseal
from secretstore.tests.unit.db import base
from secretstore.tests.unit.keys import rotation_world

WAIT = rotation_world.WAIT + reseal.IN_FLIGHT_SECONDS
MINE = base.PROJECT
OTHERS = 'b' * 32


class ResealingTest(rotation_world.RotationTest):
    def setUp(self) -> None:
        super().setUp()
        self.here = self.process()
        self.here.keys.start()
        self.payloads: dict[str, bytes] = {}
        self.resealer = self.make_resealer(self.here)

    def make_resealer(
        self, process: rotation_world.Conductor
    ) -> reseal.Resealer:
        return reseal.Resealer(
            self.database,
            process.keys.project_keys,
            2,
            lambda: WAIT,
            self.clock,
        )

    def add(self, count: int = 1, project: str = MINE) -> None:
        """Secrets as the API stores them."""
        for _ in range(count):
            row = base.secret(project_id=project, content_type='text/plain')
            payload = f'payload of {row.id}'.encode()
            sealed = self.here.keys.seal(
                project, payload, binding('secret', project, row.id)
            )
            stored = secrets.StoredPayload(
                sealed.project_key_id, sealed.record
            )
            with self.database.writing() as conn:
                secrets.insert(conn, row, stored)
            self.payloads[row.id] = payload

    def rotate(
        self,
        project: str = MINE,
        process: rotation_world.Conductor | None = None,
    ) -> str:
        keys = (process or self.here).keys
        row = keys.project_keys.rotate(project)
        assert row is not None
        keys.forget_in_use(project)
        return row.id

    def reseal(self, resealer: reseal.Resealer | None = None) -> int:
        moved = 0
        while True:
            batch = (resealer or self.resealer).run()
            self.assertLessEqual(batch.moved, 2)
            moved += batch.moved
            if batch.away:
                raise batch.away
            if not batch.more:
                return moved

    def under(self) -> dict[str, int]:
        return dict(
            self.sql(
                'SELECT project_key_id, count(*) FROM secret_payloads '
                'GROUP BY project_key_id'
            )
        )

    def keys_of(self, project: str = MINE) -> list[tuple[str, int | None]]:
        return [
            (str(key_id), in_use)
            for key_id, in_use in self.sql(
                'SELECT id, in_use FROM project_keys WHERE project_id = :p '
                'ORDER BY rowid',
                p=project,
            )
        ]

    def assert_readable(self) -> None:
        """By a process that knows nothing yet."""
        keys = self.process().keys
        rows = self.sql(
            'SELECT secret_id, project_id, project_key_id, envelope FROM '
            'secret_payloads JOIN secrets ON secrets.id = secret_id'
        )
        self.assertEqual(len(self.payloads), len(rows))
        for secret_id, project, key_id, envelope in rows:
            bound = binding('secret', project, secret_id)
            self.assertEqual(
                self.payloads[secret_id], keys.open(project, envelope, bound)
            )
            self.assertEqual(
                key_id, str(Envelope.decode(envelope).project_key_id)
            )
