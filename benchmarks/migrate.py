# SPDX-License-Identifier: Apache-2.0
"""The demonstration: secrets move to another custodian under load, and back.

python -m benchmarks.migrate [--apart] [--unharmed] [--secrets N]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import os
import pathlib
import sys
import time

from secretstore.tests.functional import forms, migrating
from secretstore.tests.functional.services import (
    mariadbd,
    system,
    tokens,
    uwsgi,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.migrate',
        description='Move secrets to another custodian under load, and back.',
    )
    add = parser.add_argument
    add(
        '--apart',
        action='store_true',
        help='the API and two conductors in processes of their own, of which '
        'a conductor is killed; default: two services with a conductor each, '
        'of which one is killed',
    )
    add(
        '--unharmed',
        action='store_true',
        help='nothing is killed: what moving by itself does to reads',
    )
    add('--secrets', type=int, default=100_000)
    add('--projects', type=int, default=1000)
    add('--to', default='pkcs11', help='default: pkcs11')
    add(
        '--options',
        type=pathlib.Path,
        help='a configuration file with the options of that strategy; '
        'default: those of a SoftHSM token, made for this',
    )
    add('--batch-size', type=int, default=50)
    add('--batch-interval', type=float, default=0.5)
    add('--cache', type=int, default=2, help='key_cache_ttl')
    add('--idle', type=float, default=10, help='seconds of load before')
    return parser


def _layers(words: argparse.Namespace) -> uwsgi.Options:
    enabled = {'DEFAULT': {'enabled_security_strategies': words.to}}
    if words.options:
        return uwsgi.merge(enabled, uwsgi.read_options(words.options))
    token = tokens.SoftHsm()
    os.environ.update(token.environment())
    return uwsgi.merge(enabled, {'pkcs11': token.options()})


def main(arguments: Sequence[str] | None = None) -> int:
    words = _parser().parse_args(arguments)
    os.environ['SECRETSTORE_TESTS_STRICT'] = '1'
    size = migrating.Size(
        words.secrets,
        words.projects,
        words.batch_size,
        words.batch_interval,
        words.idle,
        words.cache,
    )
    layers = uwsgi.merge(_layers(words), migrating.options(size))
    kind = forms.Apart if words.apart else forms.Embedded
    with mariadbd.MariaDB() as database:
        database.create_database('migrate')
        form = kind(database.url('migrate'), layers)
        with form:
            return 1 if _moved(migrating.Site(form, size), words) else 0


def _moved(site: migrating.Site, words: argparse.Namespace) -> int:
    """How many requests failed, and secrets are lost, there and back."""
    began = time.monotonic()
    site.fill()
    print(
        f'{words.secrets} secrets in {words.projects} projects, stored in '
        f'{time.monotonic() - began:.0f} s',
        flush=True,
    )
    failed = 0
    for strategy in (words.to, 'proprietary'):
        step = site.migrate(strategy, kill=not words.unharmed)
        failed += sum(step.failures.values())
        print(step)
        failed += _lost(site)
    retired = site.retire_all_but('proprietary')
    print(f'{retired} master keys destroyed')
    return failed + _lost(site)


def _lost(site: migrating.Site) -> int:
    began = time.monotonic()
    lost = site.lost()
    print(
        f'{len(site.secrets)} secrets read under their ids and compared in '
        f'{time.monotonic() - began:.0f} s, {len(lost)} lost',
        flush=True,
    )
    return len(lost)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except system.Error as error:
        sys.exit(str(error))
