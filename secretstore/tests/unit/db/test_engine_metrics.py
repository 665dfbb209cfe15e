# SPDX-License-Identifier: Apache-2.0
from oslo_db import exception as db_exc
from sqlalchemy import exc

from secretstore import errors
from secretstore.db.engine import retried
from secretstore.tests.unit.metrics.base import MetricsTest


class TestRetries(MetricsTest):
    def test_what_is_tried_again_and_what_is_given_up(self) -> None:
        self.start_metrics()
        to_raise: list[Exception] = [
            db_exc.DBDeadlock(),
            db_exc.DBConnectionError(),
            db_exc.DBDeadlock(),
        ]

        @retried
        def operation() -> str:
            if to_raise:
                raise to_raise.pop()
            return 'done'

        self.assertEqual('done', operation())
        for cause, count in (('deadlock', 2), ('connection', 1)):
            self.assertEqual(
                count, self.value('database_retries_total', cause=cause)
            )
        self.assertEqual(0, self.value('database_failures_total'))
        to_raise.append(exc.TimeoutError())
        with self.assertLogs(level='ERROR'):
            self.assertRaises(errors.DatabaseUnavailable, operation)
        self.assertEqual(1, self.value('database_failures_total'))
