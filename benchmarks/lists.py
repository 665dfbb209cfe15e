# SPDX-License-Identifier: Apache-2.0
"""Lists of 10 in small and large projects, with small and large payloads."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

from benchmarks import measure, operations, report, stack

SMALL = 100
PAYLOADS = (32, 10_000)
DEEP = (operations.LIST_LINKS, operations.LIST_OFFSET)
CONNECTIONS = (1, 4)


def measure_all(
    servers: stack.Stack, plan: measure.Plan, large: int
) -> list[measure.Row]:
    """Rows of every list; the first is that of the smallest project."""
    if large < operations.DEEP + operations.PAGE:
        raise ValueError(f'a project of {large} has no thousandth page')
    with servers.secretstore() as server:
        subjects = []
        for secrets in (SMALL, large):
            for size in PAYLOADS:
                subjects.append(_subject(servers, server, secrets, size))
        measure.warm_up(subjects, plan.seconds / 4)
        plan = dataclasses.replace(plan, connections=CONNECTIONS)
        return measure.rounds('lists', plan, subjects)


def _subject(
    servers: stack.Stack, server: stack.SecretStore, secrets: int, size: int
) -> measure.Subject:
    label = f'{secrets:,} secrets of {size:,} bytes'
    report.say(f'lists: making {label}')
    project = servers.project(server, f'bench-{secrets}-{size}', size)
    servers.fill_large(server, project, secrets)
    wanted: Sequence[str] = (operations.LIST,)
    if secrets > SMALL:
        wanted = (*wanted, *DEEP)
    return measure.Subject(
        measure.SECRETSTORE,
        server.pid,
        servers.database.pid,
        project,
        wanted,
        label,
    )
