# SPDX-License-Identifier: Apache-2.0
"""What the first write of a project costs: python -m benchmarks.first_writes.

Each makes a project key, which the custodian wraps.  1,000 projects and 16
clients, first with a token of SoftHSM, then with a key file; beside them the
second write of each project, which asks no custodian.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent import futures
import contextlib
import itertools
import os
import pathlib
import sys
import time
import typing
import uuid

from benchmarks import process
from secretstore.tests.functional import load
from secretstore.tests.functional.services import (
    mariadbd,
    own,
    system,
    tokens,
    uwsgi,
)

# In the command line of a process that has the library of a token.
_LIBRARY = 'secretstore.security.pkcs11'


class Figures(typing.NamedTuple):
    """Writes of all clients together; processor time in seconds."""

    times: list[float]
    wall: float
    cpu: dict[str, float]

    def __str__(self) -> str:
        count = len(self.times)
        p50, p99 = (
            load.quantile(self.times, share) * 1e3 for share in (0.5, 0.99)
        )
        parts = ', '.join(
            f'{name} {seconds / count * 1e6:.0f}'
            for name, seconds in self.cpu.items()
        )
        busy = sum(self.cpu.values()) / self.wall
        return (
            f'{count / self.wall:5.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} '
            f'ms; us of processor time for one: {parts}; {busy:.2f} of '
            f'{os.cpu_count()} processors busy'
        )


class Processors:
    """Who has used how much of the processors."""

    def __init__(self, service: int, database: int) -> None:
        self._service, self._database = service, database

    def used(self) -> dict[str, float]:
        every = process.tree(self._service)
        library = sum(
            process.cpu_seconds(pid) for pid in every if _has_library(pid)
        )
        known = {
            'service': process.cpu_seconds(self._service) - library,
            'library': library,
            'MariaDB': process.cpu_seconds(self._database),
            'clients': time.process_time(),
        }
        rest = process.machine_cpu_seconds() - sum(known.values())
        return {**known, 'others': rest}


def _has_library(pid: int) -> bool:
    try:
        words = pathlib.Path(f'/proc/{pid}/cmdline').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return _LIBRARY in words


def _written(
    url: str, projects: Sequence[str], clients: int, processors: Processors
) -> Figures:
    """Each project's next secret is stored, by clients side by side."""

    def work(number: int) -> list[float]:
        connection = load.Connection([url])
        times = []
        for project in projects[number::clients]:
            began = time.perf_counter()
            status, body = connection.store(project, 'payload')
            times.append(time.perf_counter() - began)
            if status != 201:
                raise system.Error(f'{status} {body!r}')
        return times

    before, began = processors.used(), time.perf_counter()
    with futures.ThreadPoolExecutor(clients) as pool:
        times = list(itertools.chain(*pool.map(work, range(clients))))
    wall, after = time.perf_counter() - began, processors.used()
    return Figures(
        times, wall, {name: after[name] - before[name] for name in before}
    )


def _measure(
    name: str, options: uwsgi.Options, words: argparse.Namespace
) -> None:
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(mariadbd.MariaDB())
        database.create_database('first')
        service = own.SecretStore(database.url('first'), options)
        stack.enter_context(service)
        processors = Processors(service.pid, database.pid)

        def projects(count: int) -> list[str]:
            return [uuid.uuid4().hex for _ in range(count)]

        # Every process has its connections, and its sessions with the token.
        _written(service.url, projects(200), words.clients, processors)
        new = projects(words.projects)
        for which in ('first', 'second'):
            figures = _written(service.url, new, words.clients, processors)
            print(f'{name:11} {which:6} writes: {figures}', flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.first_writes')
    parser.add_argument('--projects', type=int, default=1000)
    parser.add_argument('--clients', type=int, default=16)
    parser.add_argument(
        '--workers', type=int, default=2, help='[pkcs11] workers'
    )
    words = parser.parse_args(arguments)
    os.environ['SECRETSTORE_TESTS_STRICT'] = '1'
    token = tokens.SoftHsm()
    os.environ.update(token.environment())
    pkcs11: uwsgi.Options = {
        'DEFAULT': {'security_strategy': 'pkcs11'},
        'pkcs11': {**token.options(), 'workers': words.workers},
    }
    print(
        f'{words.projects} projects, {words.clients} clients; 2 processes of '
        f'the service, with {words.workers} workers for the token each'
    )
    _measure('pkcs11', pkcs11, words)
    _measure('proprietary', {}, words)


if __name__ == '__main__':
    try:
        main()
    except system.Error as error:
        sys.exit(str(error))
