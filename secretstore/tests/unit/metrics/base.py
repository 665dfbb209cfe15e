# SPDX-License-Identifier: Apache-2.0
"""Metrics that are counted, served on a port, scraped and parsed."""

from pathlib import Path
import shutil
import socket
import tempfile
import unittest
import urllib.request

from oslo_config import cfg
from prometheus_client import parser
from prometheus_client.samples import Sample

from secretstore import conf as options
from secretstore.metrics import start

HOST = '127.0.0.1'


def free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def scrape(listen: str) -> list[Sample]:
    """All samples, as a Prometheus reads them."""
    with urllib.request.urlopen(f'http://{listen}/metrics', timeout=20) as got:
        text = got.read().decode()
    families = parser.text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples]


def value(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of all samples of this name that have these labels."""
    wanted = labels.items()
    return sum(
        sample.value
        for sample in samples
        if sample.name == f'secretstore_{name}'
        and wanted <= sample.labels.items()
    )


class MetricsTest(unittest.TestCase):
    """Each test has a port and a folder of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.listen = f'{HOST}:{free_port()}'

    def metrics_conf(self, **values: object) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        options.register_opts(conf)
        conf([], default_config_files=[])
        wanted = {'listen': self.listen, 'directory': str(self.directory)}
        for name, given in (wanted | values).items():
            conf.set_override(name, given, 'metrics')
        return conf

    def start_metrics(self, **values: object) -> start.Metrics:
        started = start.start(self.metrics_conf(**values))
        assert started is not None
        self.addCleanup(started.stop)
        return started

    def value(self, name: str, **labels: str) -> float:
        return value(scrape(self.listen), name, **labels)
