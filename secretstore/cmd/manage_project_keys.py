# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage project-key``."""

import argparse
from collections.abc import Iterable
import datetime
import sys
from typing import Any

from oslo_config import cfg
from oslo_utils import timeutils

from secretstore import errors
from secretstore.cmd.manage_keys import key_memory, open_keys
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.db.keys import ProjectKeyRow
from secretstore.keys.moving import Away
from secretstore.keys.project_keys import ProjectKeys

DESCRIPTION = """
Give a project, or all of them, a new key. Secrets are rewrapped in the
background, 60 bytes each; their payloads and ids stay as they are.

With --all, a project that cannot have one is named, and the others go on. To
repeat what ended early, or failed for some, give the time that it printed.
"""
LOWER_DESCRIPTION = """
Have replaced project keys, and retired master keys, removed after [conductor]
key_cache_ttl of this configuration, in place of the longest one that any
conductor of this database ever had.

Only when no conductor with a longer one runs any more: what such a one stores
with a key that was removed cannot be read.
"""
BEFORE_HELP = """
with --all: only keys that were made before this time (ISO 8601, UTC unless it
says otherwise); default: now
"""


def _lower_wait(database: Database, conf: cfg.ConfigOpts) -> None:
    migration.check(database)
    memory = key_memory(database, conf)
    memory.lower()
    print(f'Keys are kept for {memory.longest()} s after they are replaced.')


def _rotate(database: Database, conf: cfg.ConfigOpts) -> None:
    command = conf.command
    if (command.project_id is None) != command.all:
        raise errors.InvalidInput('Give the id of a project, or --all')
    if command.before and not command.all:
        raise errors.InvalidInput('--before is for --all')
    away = Away()
    with open_keys(database, conf, started=True, away=away) as keys:
        if command.all:
            before = command.before or timeutils.utcnow()
            print(f'Keys made before {before.isoformat()} are replaced.')
            older = keys.project_keys.older(
                before, conf.conductor.rewrap_batch_size
            )
            done, failed = _rotate_each(keys.project_keys, older, away)
        else:
            made = keys.project_keys.rotate(command.project_id)
            done, failed = int(made is not None), 0
    print(
        f'{done} projects have a new key, which all processes use within '
        f'{key_memory(database, conf).longest()} s. Running conductors rewrap '
        f'what is sealed under the old ones, and delete those.'
    )
    if failed:
        raise errors.SecretStoreError(
            f'{failed} projects still use their old key; to try these again: '
            f'project-key rotate --all --before {before.isoformat()}'
        )


def _rotate_each(
    keys: ProjectKeys, rows: Iterable[ProjectKeyRow], away: Away
) -> tuple[int, int]:
    """How many have a new key, and how many could not have one."""
    done = failed = 0
    for row in rows:
        try:
            with away.asking(keys.strategy(row.project_id)):
                keys.rotate(row.project_id, row.id)
        except errors.SecretStoreError as error:
            if _is_for_all(error):
                raise
            print(f'Project {row.project_id}: {error}', file=sys.stderr)
            failed += 1
        else:
            done += 1
    return done, failed


def _is_for_all(error: errors.SecretStoreError) -> bool:
    """Whether no project can have a new key at the moment."""
    return isinstance(error, errors.DatabaseUnavailable) and not isinstance(
        error, errors.BeingChanged
    )


def _time(text: str) -> datetime.datetime:
    return timeutils.normalize_time(timeutils.parse_isotime(text))


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser('project-key', help='rotate project keys')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='rotate|lower-wait'
    )
    actions.add_parser(
        'lower-wait',
        help='wait for the present key_cache_ttl before keys are removed',
        description=LOWER_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).set_defaults(run=_lower_wait)
    rotate = actions.add_parser(
        'rotate',
        help='use a new key, and rewrap secrets',
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rotate.add_argument('project_id', metavar='PROJECT_ID', nargs='?')
    rotate.add_argument('--all', action='store_true', help='of all projects')
    rotate.add_argument(
        '--before', type=_time, metavar='TIME', help=BEFORE_HELP
    )
    rotate.set_defaults(run=_rotate)
