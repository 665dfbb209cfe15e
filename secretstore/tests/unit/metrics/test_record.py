# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
import contextlib
import threading

from secretstore import errors
from secretstore.metrics import instruments, record
from secretstore.tests.unit.metrics import base

Call = Callable[[str], contextlib.AbstractContextManager[None]]


class TestRecord(base.MetricsTest):
    def test_nothing_is_counted_before_the_start(self) -> None:
        record.request('GET', '/v1', '2xx', 1)
        record.key_lookup(True)
        record.database_retry('deadlock')
        record.database_failure()
        record.rpc_refusal('replay')
        record.rpc_turned_away('full')
        record.orders(record.Orders({'PENDING': 1}, 1))
        with record.strategy_call('proprietary', 'wrap'):
            pass
        self.start_metrics()
        totals = [
            sample.value
            for sample in base.scrape(self.listen)
            if not sample.name.endswith('timestamp_seconds')
        ]
        self.assertEqual(0, sum(totals))

    def test_requests(self) -> None:
        self.start_metrics()
        for seconds in (0.0004, 0.004, 4, 40):
            record.request('GET', '/v1', '2xx', seconds)
        record.request('GET', '/v1', '5xx', 0.5)
        name = 'http_request_duration_seconds'
        labels = {'method': 'GET', 'route': '/v1', 'status': '2xx'}
        self.assertEqual(4, self.value(f'{name}_count', **labels))
        self.assertAlmostEqual(44.0044, self.value(f'{name}_sum', **labels))
        for at_most, count in (('0.001', 1), ('0.005', 2), ('5.0', 3)):
            found = self.value(f'{name}_bucket', le=at_most, **labels)
            self.assertEqual(count, found, at_most)
        self.assertEqual(1, self.value(f'{name}_count', status='5xx'))

    def test_what_has_not_happened_is_zero(self) -> None:
        self.start_metrics()
        found = {
            (sample.name.removeprefix('secretstore_'), *sample.labels.values())
            for sample in base.scrape(self.listen)
            if sample.value == 0
        }
        self.assertLessEqual(
            {
                ('key_cache_lookups_total', 'hit'),
                ('key_cache_lookups_total', 'miss'),
                ('database_retries_total', 'connection'),
                ('database_retries_total', 'deadlock'),
                ('database_failures_total',),
            },
            found,
        )

    def test_counters(self) -> None:
        self.start_metrics()
        for hit in (True, False, True):
            record.key_lookup(hit)
        record.database_retry('deadlock')
        record.database_failure()
        record.rpc_refusal('replay')
        record.rpc_turned_away('full')
        for name, count, labels in (
            ('key_cache_lookups', 2, {'result': 'hit'}),
            ('key_cache_lookups', 1, {'result': 'miss'}),
            ('database_retries', 1, {'cause': 'deadlock'}),
            ('database_failures', 1, {}),
            ('rpc_refusals', 1, {'cause': 'replay'}),
            ('rpc_turned_away', 1, {'cause': 'full'}),
        ):
            self.assertEqual(count, self.value(f'{name}_total', **labels))

    def test_calls_and_what_they_end_with(self) -> None:
        self.start_metrics()

        def strategy_call(
            operation: str,
        ) -> contextlib.AbstractContextManager[None]:
            return record.strategy_call('hsm', operation)

        calls: dict[str, Call] = {
            'strategy_call': strategy_call,
            'rpc_client': record.rpc_client_call,
            'rpc_server': record.rpc_server_call,
        }
        for name, call in calls.items():
            with call('a'):
                pass
            for error in (errors.NotFound('x'), _Plugin('x'), OSError('x')):
                with self.assertRaises(type(error)), call('a'):
                    raise error
            counted = f'{name}_duration_seconds_count'
            for ended in ('ok', 'NotFound', 'MasterKeyUnavailable'):
                self.assertEqual(1, self.value(counted, outcome=ended), name)
            self.assertEqual(1, self.value(counted, outcome='internal'))

    def test_orders_are_what_was_found_last(self) -> None:
        self.start_metrics()
        for pending, age in ((7, 60.0), (2, 30.0)):
            counts = {'PENDING': pending, 'ACTIVE': 5, 'ERROR': 0}
            record.orders(record.Orders(counts, age))
        self.assertEqual(2, self.value('orders', state='PENDING'))
        self.assertEqual(5, self.value('orders', state='ACTIVE'))
        self.assertEqual(30, self.value('orders_oldest_pending_age_seconds'))
        self.assertGreater(self.value('orders_counted_timestamp_seconds'), 1e9)

    def test_series_are_bounded(self) -> None:
        self.start_metrics()
        for number in range(instruments.MOST_SERIES + 500):
            record.rpc_refusal(f'cause {number}')
        found = [
            sample
            for sample in base.scrape(self.listen)
            if sample.name == 'secretstore_rpc_refusals_total'
        ]
        self.assertEqual(instruments.MOST_SERIES + 1, len(found))
        self.assertEqual(500, self.value('rpc_refusals_total', cause='other'))

    def test_many_threads(self) -> None:
        self.start_metrics()

        def work() -> None:
            for _ in range(500):
                record.key_lookup(True)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(
            4000, self.value('key_cache_lookups_total', result='hit')
        )


class _Plugin(errors.MasterKeyUnavailable):
    """Defined by somebody else, who may define any number of them."""
