# SPDX-License-Identifier: Apache-2.0
"""Memory of the workers while they answer a mix of requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import client, operations, process, report

LIMIT_MIB = 120.0
GROWTH_MIB = 2.0
STEPS = 5
CONNECTIONS = 16
# Requests of each kind in every hundred.
MIX = (
    (operations.STORE, 5),
    (operations.PAYLOAD, 45),
    (operations.METADATA, 35),
    (operations.LIST, 10),
    (operations.DELETE, 5),
)


@dataclass(frozen=True)
class Sample:
    """The workers' memory in MiB after that many requests to them all."""

    requests: int
    resident: Sequence[float]
    proportional: Sequence[float]


def _sample(pid: int, requests: int) -> Sample:
    sizes = [process.memory(worker) for worker in process.workers(pid)]
    return Sample(requests, [s[0] for s in sizes], [s[1] for s in sizes])


def _step(project: operations.Project, requests: int) -> None:
    for operation, share in MIX:
        wanted = requests * share // 100
        result = project.run(operation, CONNECTIONS, 600, wanted)
        if result.done + sum(result.errors.values()) < wanted:
            raise client.LoadError(f'{operation}: {result.done} of {wanted}')


def watch(
    pid: int, project: operations.Project, requests: int
) -> list[Sample]:
    """Samples before, between and after ``requests`` requests per worker.

    The first sample is taken before the first request, so the service must
    have just been started.
    """
    samples = [_sample(pid, 0)]
    project.fill(500)
    step = requests * len(process.workers(pid)) // STEPS
    for number in range(1, STEPS + 1):
        _step(project, step)
        samples.append(_sample(pid, number * step))
        report.say(f'memory after {number * step} requests')
    return samples


def _cells(samples: Sequence[Sample]) -> Iterator[Sequence[str]]:
    for sample in samples:
        for number, sizes in enumerate(
            zip(sample.resident, sample.proportional, strict=True), 1
        ):
            yield (
                f'{sample.requests:,}',
                str(number),
                f'{sizes[0]:.1f}',
                f'{sizes[1]:.1f}',
            )


def table(samples: Sequence[Sample]) -> report.Table:
    """Every sample, judged by the largest worker."""
    largest = [max(sample.resident) for sample in samples]
    growth = largest[-1] - largest[1]
    met = largest[-1] <= LIMIT_MIB and growth <= GROWTH_MIB
    note = (
        f'Largest worker at the end: {largest[-1]:.1f} MiB resident'
        f' (target <= {LIMIT_MIB:.0f}); growth since the first fifth of the'
        f' requests: {growth:+.1f} MiB (flat means <= {GROWTH_MIB:g}):'
        f' {"met" if met else "NOT MET"}.'
    )
    head = ('requests to all workers', 'worker', 'RSS MiB', 'PSS MiB')
    return report.Table(
        'Memory of each worker', head, list(_cells(samples)), note
    )


def rows(samples: Sequence[Sample]) -> list[dict[str, object]]:
    return [dict(vars(sample)) for sample in samples]
