# SPDX-License-Identifier: Apache-2.0
"""The demonstration: secrets move to another custodian under load, and back.

python -m benchmarks.migrate [--secrets N] [--projects M] [--to STRATEGY]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import os
import pathlib
import sys

from secretstore.tests.functional import migrating
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
    )
    failed = 0
    with mariadbd.MariaDB() as database:
        database.create_database('migrate')
        site = migrating.Site(database.url('migrate'), size, _layers(words))
        with site:
            site.fill()
            print(f'{words.secrets} secrets in {words.projects} projects')
            for strategy in (words.to, 'proprietary'):
                step = site.migrate(strategy)
                lost = site.lost()
                failed += len(lost) + sum(step.failures.values())
                print(f'{step}; {len(site.secrets)} read, {len(lost)} lost')
            retired = site.retire_all_but('proprietary')
            lost = site.lost()
            failed += len(lost)
            print(f'{retired} master keys destroyed; {len(lost)} lost')
    return 1 if failed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except system.Error as error:
        sys.exit(str(error))
