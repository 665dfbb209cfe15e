# SPDX-License-Identifier: Apache-2.0
"""Metrics, scraped from servers of several processes."""

from concurrent import futures
import os
import signal
import time
import uuid

from secretstore.tests.functional import base, clients, scraping
from secretstore.tests.functional.services import own, process, system, web

COUNT = 'http_request_duration_seconds_count'
TEXT = {'payload': 'needle', 'payload_content_type': 'text/plain'}
KEY_PAIR = {
    'type': 'asymmetric',
    'meta': {'algorithm': 'ec', 'bit_length': 256},
}


class Requests:
    """Sends requests of known number."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self.headers = headers

    def store_and_read(self, times: int) -> None:
        """One POST and two GETs, one of them refused, each time."""
        for _ in range(times):
            url = f'{self.url}/v1/secrets'
            answer = web.call('POST', url, TEXT, self.headers)
            assert answer.status == 201, answer
            payload = f'{answer.json()["secret_ref"]}/payload'
            accept = {**self.headers, 'Accept': 'text/plain'}
            assert web.call('GET', payload, None, accept).status == 200
            missing = f'{url}/{uuid.uuid4()}'
            assert web.call('GET', missing, None, self.headers).status == 404

    def from_many(self, clients: int, times: int) -> None:
        """As many clients at once, so that every process gets some."""
        with futures.ThreadPoolExecutor(clients) as pool:
            done = [
                pool.submit(self.store_and_read, times) for _ in range(clients)
            ]
        for one in done:
            one.result()

    def order(self) -> None:
        url = f'{self.url}/v1/orders'
        answer = web.call('POST', url, KEY_PAIR, self.headers)
        assert answer.status == 202, answer


class MetricsTest(base.FunctionalTest):
    def assert_requests(self, found: scraping.Scrape, times: int) -> None:
        for method, route, status in (
            ('POST', '/v1/secrets', '2xx'),
            ('GET', '/v1/secrets/{id}/payload', '2xx'),
            ('GET', '/v1/secrets/{id}', '4xx'),
        ):
            labels = {'method': method, 'route': route, 'status': status}
            self.assertEqual(times, found.value(COUNT, **labels), route)
        self.assertEqual(3 * times, found.value(COUNT) - _probes(found))

    def assert_parts(self, found: scraping.Scrape) -> None:
        self.assertEqual([], found.chosen())
        self.assertEqual({'proprietary'}, found.labels()['strategy'])
        self.assertGreater(
            found.value('key_cache_lookups_total', result='hit'), 0
        )
        for operation in ('wrap', 'unwrap', 'check'):
            name = 'strategy_call_duration_seconds_count'
            calls = found.value(name, operation=operation, outcome='ok')
            self.assertGreater(calls, 0, operation)

    def assert_orders(self, port: int) -> None:
        """That those in the database come to be shown, once."""
        system.wait_for(
            'the count of orders',
            lambda: scraping.Scrape(port).value('orders', state='ACTIVE') == 2,
            30,
        )
        found = scraping.Scrape(port)
        self.assertEqual(2, found.value('orders'))
        self.assertEqual(0, found.value('orders_oldest_pending_age_seconds'))
        counted = found.value('orders_counted_timestamp_seconds')
        self.assertLess(abs(time.time() - counted), 60)


def _probes(found: scraping.Scrape) -> float:
    return found.value(COUNT, route='/healthcheck')


class TestUwsgi(MetricsTest):
    def test_two_processes(self) -> None:
        folder = process.new_folder('metrics')
        port = system.free_port()
        server = own.SecretStore(
            f'sqlite:///{folder}/secretstore.db',
            {'metrics': scraping.options(port, folder / 'metrics')},
            processes=2,
        )
        with server:
            requests = Requests(server.url, {'X-Project-Id': uuid.uuid4().hex})
            requests.from_many(6, 10)
            for _ in range(10):
                self.assert_requests(scraping.Scrape(port), 60)
            self.assert_parts(scraping.Scrape(port))
            self._a_process_is_replaced(server, port)
            requests.from_many(6, 1)
            self.assert_requests(scraping.Scrape(port), 66)
            requests.order()
            requests.order()
            self.assert_orders(port)
        with server:
            self.assertEqual(
                0, scraping.Scrape(port).value(COUNT, method='POST')
            )

    def _a_process_is_replaced(
        self, server: own.SecretStore, port: int
    ) -> None:
        children = f'/proc/{server.pid}/task/{server.pid}/children'
        before = _words(children)
        os.kill(int(before[0]), signal.SIGKILL)
        system.wait_for(
            'another process',
            lambda: (
                len(set(_words(children)) - set(before)) == 1
                and server.ready()
            ),
            30,
        )
        for _ in range(10):
            self.assert_requests(scraping.Scrape(port), 60)


def _words(path: str) -> list[str]:
    with open(path) as file:
        return file.read().split()


class TestStandalone(MetricsTest):
    def test_standalone(self) -> None:
        port = system.free_port()
        server = own.Standalone()
        with server:
            self.assertNotIn('metrics', os.listdir(server.state_folder))
        config = server.state_folder / 'secretstore.conf'
        lines = [
            f'{name} = {value}'
            for name, value in scraping.options(
                port, '$state_path/metrics'
            ).items()
        ]
        text = '\n'.join([config.read_text(), '[metrics]', *lines, ''])
        config.write_text(text)
        with server:
            requests = Requests(server.url, clients.basic_auth(server))
            requests.from_many(4, 5)
            requests.order()
            requests.order()
            self.assert_orders(port)
            found = scraping.Scrape(port)
            self.assert_parts(found)
            created = {'method': 'POST', 'status': '2xx'}
            self.assertEqual(22, found.value(COUNT, **created))
