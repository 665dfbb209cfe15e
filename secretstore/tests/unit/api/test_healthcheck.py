# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import threading

from oslo_context.context import get_current
import webob

from secretstore import errors
from secretstore.api.healthcheck import REUSE_SECONDS, Healthcheck
from secretstore.tests.unit.api.base import ApiTest
from secretstore.tests.unit.conductor.base import context


class HealthcheckTest(ApiTest):
    """With a clock that only the test moves."""

    def setUp(self) -> None:
        super().setUp()
        self.now = 100.0
        self.asked = 0
        self.fresh()

    def fresh(self) -> None:
        self.app = Healthcheck(self, lambda: self.now)

    def check(self) -> None:
        self.asked += 1
        self.named = get_current()
        self.conductor.health.check()

    def move(self, path: Path) -> None:
        away = path.with_name(path.name + '.away')
        path.rename(away)
        self.addCleanup(away.rename, path)

    def look(self, path: str = '/healthcheck') -> tuple[int, str]:
        answer = self.get(path)
        self.assertEqual('text/plain', answer.content_type)
        return answer.status_int, answer.text

    def test_all_is_well(self) -> None:
        for path in ('/healthcheck', '/healthcheck/', '/healthcheck/live'):
            self.assertEqual((200, 'OK'), self.look(path))

    def test_it_is_not_asked_in_the_name_of_who_came_before(self) -> None:
        context().update_store()
        self.look()
        self.assertIsNone(self.named)

    def test_head_has_no_body(self) -> None:
        answer = self.call('HEAD', '/healthcheck')
        self.assertEqual((200, b''), (answer.status_int, answer.body))

    def test_the_key_is_gone_and_back(self) -> None:
        keys = self.folder / 'keys'
        away = keys.with_name('away')
        keys.rename(away)
        with self.assertLogs('secretstore'):
            self.assertEqual(
                (503, 'The master key is not available.'), self.look()
            )
        self.assertEqual((200, 'OK'), self.look('/healthcheck/live'))
        away.rename(keys)
        self.now += REUSE_SECONDS
        self.assertEqual((200, 'OK'), self.look())

    def test_the_database_is_gone(self) -> None:
        self.database.dispose()
        self.conductor.health._database.dispose()  # type: ignore
        path = self.folder / 'secretstore.db'
        self.move(path)
        self.addCleanup(path.unlink, missing_ok=True)
        path.mkdir()
        self.addCleanup(path.rmdir)
        with self.assertLogs('secretstore'):
            self.assertEqual(
                (503, 'The database is not available.'), self.look()
            )
        self.assertEqual((200, 'OK'), self.look('/healthcheck/live'))

    def test_answers_are_reused(self) -> None:
        for _ in range(3):
            self.look()
        self.assertEqual(1, self.asked)
        self.now += REUSE_SECONDS
        self.look()
        self.assertEqual(2, self.asked)

    def test_many_at_once_ask_once(self) -> None:
        threads = [threading.Thread(target=self.look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(1, self.asked)


class _Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def check(self) -> None:
        raise self.error


class FailuresTest(ApiTest):
    def test_says_which_part_and_no_more(self) -> None:
        for error, text in (
            (
                errors.DatabaseUnavailable('mysql://10.0.0.1'),
                'The database is not available.',
            ),
            (
                errors.MasterKeyUnavailable('/etc/keys/1'),
                'The master key is not available.',
            ),
            (
                errors.MasterKeyNotFound('/etc/keys/1'),
                'The master key is not available.',
            ),
            (
                errors.ConductorUnavailable('http://10.0.0.1: refused'),
                'The conductor is not available.',
            ),
            (RuntimeError('10.0.0.1'), 'The service does not work.'),
        ):
            with self.subTest(repr(error)), self.assertLogs('secretstore'):
                request = webob.Request.blank('/healthcheck')
                answer = request.get_response(Healthcheck(_Failing(error)))
                self.assertEqual(503, answer.status_int)
                self.assertEqual(text, answer.text)
