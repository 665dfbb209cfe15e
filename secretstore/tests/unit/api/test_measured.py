# SPDX-License-Identifier: Apache-2.0
"""What requests leave behind in the metrics."""

import json
import re
from typing import ClassVar
import uuid

from prometheus_client.samples import Sample

from secretstore.metrics import start
from secretstore.tests.unit.api import base
from secretstore.tests.unit.metrics import base as metrics

COUNT = 'http_request_duration_seconds_count'
SECRETS = '/v1/secrets'
SECRET = '/v1/secrets/{id}'
ORDER = '/v1/orders/{id}'


class TestMeasured(base.ApiTest):
    listen: ClassVar[str] = f'{metrics.HOST}:{metrics.free_port()}'
    overrides: ClassVar[dict[str, object]] = {'metrics__listen': listen}

    @classmethod
    def setUpClass(cls) -> None:
        cls.overrides = cls.overrides | {'metrics__directory': '$state_path'}
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        folder = self.folder / uuid.uuid4().hex
        self.conf.set_override('directory', str(folder), 'metrics')
        started = start.start(self.conf)
        assert started is not None
        self.addCleanup(started.stop)

    def counted(self, method: str, route: str, status: str) -> float:
        return metrics.value(
            metrics.scrape(self.listen),
            COUNT,
            method=method,
            route=route,
            status=status,
        )

    def test_requests_by_route_and_status(self) -> None:
        for _ in range(3):
            secret = self.store_text()
        self.get(secret)
        self.get(f'{secret}/payload', Accept='text/plain')
        self.get(f'{SECRETS}/{uuid.uuid4()}')
        self.post({'payload': 1})
        for method, route, status, count in (
            ('POST', SECRETS, '2xx', 3),
            ('POST', SECRETS, '4xx', 1),
            ('GET', SECRET, '2xx', 1),
            ('GET', SECRET, '4xx', 1),
            ('GET', f'{SECRET}/payload', '2xx', 1),
        ):
            self.assertEqual(count, self.counted(method, route, status), route)
        self.assertEqual(7, metrics.value(metrics.scrape(self.listen), COUNT))

    def test_what_has_no_route(self) -> None:
        for path in ('/v1/nothing', '/elsewhere', '/v1/secrets/a/b/c'):
            self.get(path)
        self.call('PATCH', SECRETS)
        self.call('BREW', SECRETS)
        self.headers = {}
        self.get('/')
        self.get('/healthcheck')
        self.get('/healthcheck/live')
        self.assertEqual(3, self.counted('GET', 'none', '4xx'))
        self.assertEqual(1, self.counted('PATCH', 'none', '4xx'))
        self.assertEqual(1, self.counted('other', 'none', '4xx'))
        self.assertEqual(1, self.counted('GET', '/', '3xx'))
        self.assertEqual(2, self.counted('GET', '/healthcheck', '2xx'))

    def test_a_failure(self) -> None:
        secret = self.store_text()
        with self.database.writing() as connection:
            connection.exec_driver_sql('DELETE FROM secret_payloads')
            connection.exec_driver_sql('ALTER TABLE secrets RENAME TO gone')
        try:
            with self.assertLogs(level='ERROR'):
                answer = self.get(secret)
        finally:
            with self.database.writing() as connection:
                connection.exec_driver_sql(
                    'ALTER TABLE gone RENAME TO secrets'
                )
        status = f'{answer.status_int // 100}xx'
        self.assertEqual('5xx', status)
        self.assertEqual(1, self.counted('GET', SECRET, status))

    def test_keys_and_strategy(self) -> None:
        secret = self.store_text()
        for _ in range(4):
            self.get(f'{secret}/payload', Accept='text/plain')
        samples = metrics.scrape(self.listen)
        found = {
            result: metrics.value(
                samples, 'key_cache_lookups_total', result=result
            )
            for result in ('hit', 'miss')
        }
        # The key of a new project is made, and put into the cache.
        self.assertEqual({'hit': 5, 'miss': 1}, found)
        for operation in ('wrap', 'unwrap'):
            self.assertEqual(
                1,
                metrics.value(
                    samples,
                    'strategy_call_duration_seconds_count',
                    strategy='proprietary',
                    operation=operation,
                    outcome='ok',
                ),
            )

    def test_no_label_holds_what_callers_chose(self) -> None:
        chosen = [self.project, uuid.uuid4().hex]
        secret = self.store_text(name=chosen[1])
        self.put(
            f'{secret}/metadata',
            json.dumps({'metadata': {chosen[1]: 'x'}}),
            'application/json',
        )
        self.get(f'{secret}/metadata/{chosen[1]}')
        self.get(f'/v1/{chosen[1]}')
        self.get(f'/{chosen[1]}')
        self.call(chosen[1].upper(), SECRETS)
        self.get(f'/v1/project-quotas/{chosen[1]}')
        chosen.append(secret.rpartition('/')[2])
        assert_no_ids(self, metrics.scrape(self.listen), chosen)


def assert_no_ids(
    test: base.ApiTest, samples: list[Sample], chosen: list[str]
) -> None:
    values = {text for sample in samples for text in sample.labels.values()}
    test.assertIn(f'{SECRET}/metadata/{{key}}', values)
    for text in values:
        test.assertIsNone(re.search('[0-9a-f]{8}', text), text)
        for value in chosen:
            test.assertNotIn(value, text)
