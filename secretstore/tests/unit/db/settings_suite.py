# SPDX-License-Identifier: Apache-2.0
"""Numbers that all agree on, on any database."""

import uuid

from secretstore.db import settings
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base


class Settings(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.name = uuid.uuid4().hex

    def get(self) -> int | None:
        with self.database.reading() as conn:
            return settings.get(conn, self.name)

    @retried
    def put_at_least(self, value: int) -> None:
        with self.database.writing() as conn:
            settings.put_at_least(conn, self.name, value)

    def test_the_greatest_wins(self) -> None:
        self.assertIsNone(self.get())
        for value, expected in ((5, 5), (3, 5), (5, 5), (2**40, 2**40)):
            self.put_at_least(value)
            self.assertEqual(expected, self.get())

    def test_the_last_wins(self) -> None:
        for value in (5, 3, 7):
            with self.database.writing() as conn:
                settings.put(conn, self.name, value)
            self.assertEqual(value, self.get())

    def test_together(self) -> None:
        values = [3, 9, 1, 8, 2, 7, 9, 4]
        outcome = self.together(8, lambda n: self.put_at_least(values[n]))
        self.assertEqual([None] * 8, outcome)
        self.assertEqual(9, self.get())
