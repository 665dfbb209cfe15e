# SPDX-License-Identifier: Apache-2.0
"""Metrics of servers that run, read as Prometheus reads them."""

import re
import typing

from prometheus_client import parser
from prometheus_client.samples import Sample

from secretstore.tests.functional.services import system, web

# Ids, whole or in part, names of projects and all else that is chosen.
CHOSEN = re.compile(r'[0-9a-f]{8}|needle', re.IGNORECASE)


class Scrape:
    """All samples of one answer."""

    def __init__(self, port: int) -> None:
        answer = web.call('GET', f'http://{system.HOST}:{port}/metrics')
        if answer.status != 200:
            raise system.Error(f'{answer.status}: {answer.body[:300]!r}')
        families = parser.text_string_to_metric_families(answer.body.decode())
        self.samples: list[Sample] = [
            sample for family in families for sample in family.samples
        ]

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have these labels."""
        wanted = labels.items()
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == f'secretstore_{name}'
            and wanted <= sample.labels.items()
        )

    def labels(self) -> dict[str, set[str]]:
        """The values that each label has, in any metric."""
        found: dict[str, set[str]] = {}
        for sample in self.samples:
            for name, value in sample.labels.items():
                found.setdefault(name, set()).add(value)
        return found

    def chosen(self) -> list[str]:
        """Values of labels that callers may have chosen: there are none."""
        values = (text for found in self.labels().values() for text in found)
        return [text for text in values if CHOSEN.search(text)]


def options(port: int, directory: object) -> dict[str, typing.Any]:
    """The group [metrics]."""
    return {
        'listen': f'{system.HOST}:{port}',
        'directory': directory,
        'orders_interval': 1,
    }
