# SPDX-License-Identifier: Apache-2.0
"""Every resource, and castellan's methods, beside a real Barbican."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import dataclasses

from benchmarks import (
    castellan,
    measure,
    operations,
    report,
    resources,
    stack,
    summary,
)

SCENARIO = 'resources'
CONNECTIONS = (1, 16)
SECRETS = 400
QUOTA = 1_000_000
PROJECT = 'bench-resources'
LIMITED = 'bench-limited'

Server = stack.SecretStore | stack.Barbican


def measure_all(
    servers: stack.Stack,
    services: Sequence[str],
    plan: measure.Plan,
    castellan_calls: int,
) -> tuple[list[measure.Row], list[report.Table]]:
    """The rows, and the tables made of them."""
    with contextlib.ExitStack() as started:
        beside: dict[str, Server] = {}
        if measure.SECRETSTORE in services:
            beside[measure.SECRETSTORE] = servers.secretstore()
        if measure.BARBICAN in services:
            beside[measure.BARBICAN] = servers.reference()
        for server in beside.values():
            started.enter_context(server)
        subjects = [
            _subject(servers, name, server) for name, server in beside.items()
        ]
        measure.warm_up(subjects, plan.seconds / 4)
        plan = dataclasses.replace(
            plan, connections=CONNECTIONS, seconds=plan.seconds / 2
        )
        rows = measure.rounds(SCENARIO, plan, subjects)
        measure.check(rows)
        canned = started.enter_context(servers.canned())
        callers = {
            measure.CANNED: _caller(servers, canned.url, castellan.CANNED),
            **{name: _caller(servers, s.url) for name, s in beside.items()},
        }
        times = castellan.measure(callers, castellan_calls)
    medians = summary.summed(rows)
    tables = [
        *summary.Comparison(medians).tables(),
        castellan.table(times, measure.SECRETSTORE, measure.CANNED),
        summary.figures('All figures of the resources', medians),
    ]
    return rows, tables


def _caller(
    servers: stack.Stack, url: str, methods: Sequence[str] = castellan.ALL
) -> castellan.Caller:
    token = servers.keystone.token('bench', project=PROJECT)
    return castellan.Caller(url, servers.keystone.auth_url, token, methods)


def _subject(
    servers: stack.Stack, name: str, server: Server
) -> measure.Subject:
    report.say(f'{SCENARIO}: filling {name}')
    project = operations.Project(servers.target(server.url, PROJECT))
    project.fill(SECRETS)
    limited = servers.limited(server.url, LIMITED, QUOTA)
    load = resources.Resources(project, limited, server.url)
    load.prepare()
    return measure.Subject(
        name, server.pid, servers.database.pid, load, resources.ALL
    )
