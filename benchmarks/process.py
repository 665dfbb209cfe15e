# SPDX-License-Identifier: Apache-2.0
"""CPU and memory of process trees, from /proc."""

from __future__ import annotations

import os
import pathlib

_PROC = pathlib.Path('/proc')
_TICK = os.sysconf('SC_CLK_TCK')


def _read(path: pathlib.Path) -> str:
    """A file of /proc; empty when its process has ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ''


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in _PROC.glob(f'{pid}/task/*/children'):
        found += [int(child) for child in _read(task).split()]
    return found


def tree(root: int) -> list[int]:
    """A process and all its living descendants."""
    found = [root]
    for pid in found:
        found += _children(pid)
    return found


def cpu_seconds(root: int) -> float:
    """User and system time that a process tree has used so far."""
    ticks = 0
    for pid in tree(root):
        stat = _read(_PROC / str(pid) / 'stat').rpartition(')')[2].split()
        if stat:
            ticks += int(stat[11]) + int(stat[12])
    return ticks / _TICK


def machine_cpu_seconds() -> float:
    """What the whole machine has spent on anything but idling."""
    first = (_PROC / 'stat').read_text().split('\n', 1)[0]
    fields = [int(word) for word in first.split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / _TICK


def workers(root: int) -> list[int]:
    """The processes below ``root`` that have no children themselves."""
    return [pid for pid in tree(root)[1:] if not _children(pid)]


def memory(pid: int) -> tuple[float, float]:
    """Resident and proportional set size of one process in MiB."""
    sizes: dict[str, float] = {}
    rollup = _read(_PROC / str(pid) / 'smaps_rollup')
    for line in rollup.splitlines()[1:]:
        name, size = line.split()[:2]
        sizes[name] = int(size) / 1024
    return sizes['Rss:'], sizes['Pss:']
