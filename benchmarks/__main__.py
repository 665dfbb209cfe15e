# SPDX-License-Identifier: Apache-2.0
"""The command: python -m benchmarks. README.rst says what it measures."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
import dataclasses
import pathlib
import signal
import sys
import typing

from benchmarks import client, measure, run
from secretstore.tests.functional.services import system

QUICK = run.Options(
    plan=measure.Plan((1, 4, 16), 1, 0.7),
    large=20_000,
    memory_requests=5_000,
    castellan_calls=5,
    largest=10_000,
)


def _some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of comma separated names, in whatever case."""
    names = {name.lower(): name for name in known}

    def parse(text: str) -> tuple[str, ...]:
        unknown = set(text.lower().split(',')) - set(names)
        if unknown:
            raise argparse.ArgumentTypeError(f'unknown: {unknown}')
        return tuple(names[word] for word in text.lower().split(','))

    return parse


def _of(names: Sequence[str]) -> str:
    return 'some of ' + ','.join(names).lower()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(','))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measure secretstore beside Barbican and a bare ceiling.',
    )
    add = parser.add_argument
    add('--quick', action='store_true', help='a smoke run of minutes')
    add('--scenarios', type=_some_of(run.SCENARIOS), help=_of(run.SCENARIOS))
    add('--services', type=_some_of(run.SERVICES), help=_of(run.SERVICES))
    add('--pymysql', action='store_true', help='secretstore on PyMySQL, too')
    add('--connections', type=_numbers, help='default 1,4,16')
    add('--rounds', type=int, help='default 3')
    add('--seconds', type=float, help='of one measurement, default 2')
    add('--secrets', type=int, help='in the project, default 10000')
    add('--large', type=int, help='the large project, default 100000')
    add('--memory-requests', type=int, help='per worker, default 100000')
    add('--castellan-calls', type=int, help='of create_key, default 100')
    add(
        '--split-connections',
        type=_numbers,
        help='at most 16, default 1,16',
    )
    add('--largest', type=int, help='of the rows, default 1000000')
    add('--json', type=pathlib.Path, metavar='FILE', help='write raw rows')
    add('--rst', type=pathlib.Path, metavar='FILE', help='write the tables')
    return parser


def _options(words: argparse.Namespace) -> run.Options:
    """The defaults, or those of --quick, with what was given instead."""
    base = QUICK if words.quick else run.Options()
    given = {name: v for name, v in vars(words).items() if v is not None}
    plan = dataclasses.replace(base.plan, **_only(given, measure.Plan))
    return dataclasses.replace(base, plan=plan, **_only(given, run.Options))


def _only(
    given: dict[str, typing.Any], kind: type[typing.Any]
) -> dict[str, typing.Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in given.items() if name in names}


def main(arguments: Sequence[str] | None = None) -> int:
    words = _parser().parse_args(arguments)
    outcome = run.Outcome(_options(words))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('terminated'))
    try:
        run.run(outcome)
    except (client.LoadError, system.Error) as error:
        outcome.failure = str(error)
    if words.json:
        words.json.write_text(outcome.json())
    if words.rst and not outcome.failure:
        words.rst.write_text(outcome.text())
    print(outcome.text())
    return 1 if outcome.failure else 0


if __name__ == '__main__':
    sys.exit(main())
