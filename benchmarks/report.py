# SPDX-License-Identifier: Apache-2.0
"""Tables as reStructuredText, which also reads well on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import sys
import textwrap
import time

_began = time.monotonic()


def say(text: str) -> None:
    """Show progress, with the seconds since the start."""
    took = time.monotonic() - _began
    print(f'[{took:4.0f} s] {text}', file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Table:
    """A titled table of text cells."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ''

    def lines(self) -> list[str]:
        widths = [
            max(len(row[i]) for row in [self.head, *self.rows])
            for i in range(len(self.head))
        ]
        rule = '  '.join('=' * width for width in widths)
        body = [_line(row, widths) for row in self.rows]
        out = [self.title, '-' * len(self.title), '']
        if self.note:
            out += [*_wrapped(self.note), '']
        return [*out, rule, _line(self.head, widths), rule, *body, rule, '']


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return '  '.join(padded).rstrip()


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 79, break_on_hyphens=False)


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f'{value:,.0f}'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def document(title: str, intro: str, tables: Sequence[Table]) -> str:
    lines = ['=' * len(title), title, '=' * len(title), '']
    lines += [*_wrapped(intro), '']
    for table in tables:
        lines += table.lines()
    return '\n'.join(lines)
