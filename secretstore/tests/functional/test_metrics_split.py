# SPDX-License-Identifier: Apache-2.0
"""Metrics and reports of API and conductors apart: one port shows all."""

import os
import pathlib
import signal
import uuid

from secretstore.tests.functional import scraping
from secretstore.tests.functional.services import process, split, system, web
from secretstore.tests.functional.test_metrics import (
    COUNT,
    MetricsTest,
    Requests,
)


class TestSplit(MetricsTest):
    def test_two_of_each(self) -> None:
        folder = process.new_folder('metrics')
        port = system.free_port()
        options = {
            'metrics': scraping.options(port, folder / 'metrics'),
            'oslo_reports': {'log_dir': folder},
        }
        database = f'sqlite:///{folder}/secretstore.db'
        with split.Split(database, options=options) as servers:
            headers = {'X-Project-Id': uuid.uuid4().hex}
            requests = Requests(servers.url, headers)
            requests.from_many(6, 5)
            for _ in range(10):
                found = scraping.Scrape(port)
                self.assert_requests(found, 30)
                self.assert_calls(found, 30)
            web.call('GET', f'{servers.url}/healthcheck')
            self.assert_parts(scraping.Scrape(port))
            requests.order()
            requests.order()
            self.assert_orders(port)
            self.assert_report(folder, servers.conductors[0])

    def assert_calls(self, found: scraping.Scrape, times: int) -> None:
        """One call for each request, as both sides tell."""
        for side in ('client', 'server'):
            name = f'rpc_{side}_duration_seconds_count'
            for method, outcome in (
                ('secrets.create', 'ok'),
                ('secrets.payload', 'ok'),
                ('secrets.get', 'NotFound'),
            ):
                calls = found.value(name, method=method, outcome=outcome)
                self.assertEqual(times, calls, f'{side} {method}')
            probes = found.value(name, method='health.check')
            self.assertEqual(3 * times, found.value(name) - probes, side)
        self.assertEqual(0, found.value('rpc_refusals_total'))
        self.assertGreater(found.value(COUNT), 0)

    def assert_report(
        self, folder: pathlib.Path, conductor: split.Conductor
    ) -> None:
        (worker,) = split.children(conductor.pid)
        os.kill(worker, signal.SIGUSR2)

        def written() -> list[pathlib.Path]:
            return list(folder.glob(f'secretstore-conductor-{worker}_*'))

        system.wait_for('a report', lambda: bool(written()), 30)
        text = written()[0].read_text()
        self.assertIn('crypt_key_dir', text)
        self.assertIn('transport_url = ***', text)
