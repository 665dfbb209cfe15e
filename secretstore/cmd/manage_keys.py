# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage master-key``."""

import argparse
from collections.abc import Iterator
import contextlib
from typing import Any

from oslo_config import cfg

from secretstore.conductor import service
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.db.keys import MasterKeyRow
from secretstore.keys.adoption import Adoption
from secretstore.keys.hierarchy import KeyHierarchy
from secretstore.keys.memory import KeyMemory
from secretstore.keys.moving import Away
from secretstore.keys.rotation import (
    RATE_SECONDS,
    Progress,
    Rotation,
    state_of,
)


@contextlib.contextmanager
def open_keys(
    database: Database,
    conf: cfg.ConfigOpts,
    started: bool,
    away: Away | None = None,
) -> Iterator[KeyHierarchy]:
    """The key hierarchy; with its strategies started, and keys verified.

    :param away: takes note of strategies that are away, which else are a
        ``StartupError``
    """
    migration.check(database)
    keys = service.key_hierarchy(conf, database)
    if not started:
        yield keys
        return
    try:
        keys.verify(away)
        yield keys
    finally:
        keys.stop()


def _progress(database: Database, conf: cfg.ConfigOpts) -> Progress:
    with open_keys(database, conf, started=False) as keys:
        return Rotation(database, keys.master_keys).progress()


def _list(database: Database, conf: cfg.ConfigOpts) -> None:
    found = _progress(database, conf)
    for row in found.master_keys:
        print(
            f'{row.id}  {state_of(row):9}  {row.created_at:%Y-%m-%d %H:%M}  '
            f'{row.strategy}  {row.reference}'
        )


def _status(database: Database, conf: cfg.ConfigOpts) -> None:
    with open_keys(database, conf, started=False) as keys:
        found = Rotation(database, keys.master_keys).progress()
        enabled = keys.master_keys.enabled
    print(f'New project keys are guarded by {found.default}.')
    for row in found.master_keys:
        count = found.project_keys.get(row.id, 0)
        if row.destroyed_at is None:
            print(
                f'{row.id}  {state_of(row):9}  {row.strategy}: '
                f'{count} project keys'
            )
    print(
        f'{found.misplaced} project keys are to be rewrapped, '
        f'{found.rewrapped} were in the last {RATE_SECONDS} s'
        f'{_rest(found)}.'
    )

    if found.replaced:
        print(
            f'{found.replaced} project keys were replaced; {found.secrets} '
            f'secrets under them are to be rewrapped.'
        )
    for strategy, count in found.kept.items():
        state = '' if strategy in enabled else ', and is not enabled here'
        print(f'{strategy} keeps {count} named keys itself{state}.')


def _rest(found: Progress) -> str:
    if not found.misplaced or not found.rewrapped:
        return ''
    return f': about {found.misplaced / found.rate:.0f} s to go'


def _rotate(database: Database, conf: cfg.ConfigOpts) -> None:
    with open_keys(database, conf, started=True) as keys:
        rotation = Rotation(database, keys.master_keys)
        _tell(_next_key(database, conf, keys, rotation), rotation)


def _next_key(
    database: Database,
    conf: cfg.ConfigOpts,
    keys: KeyHierarchy,
    rotation: Rotation,
) -> MasterKeyRow:
    """A new key, or the one that the operator names, in use."""
    command = conf.command
    if command.key is None:
        return rotation.rotate(command.strategy)
    name = command.strategy or keys.master_keys.default()
    return Adoption(database, keys.master_keys).adopt(name, command.key)


def _migrate(database: Database, conf: cfg.ConfigOpts) -> None:
    with open_keys(database, conf, started=True) as keys:
        rotation = Rotation(database, keys.master_keys)
        _tell(rotation.migrate(conf.command.to), rotation)
    if conf.security_strategy != conf.command.to:
        print(
            f'Set security_strategy = {conf.command.to} and keep '
            f'{conf.security_strategy} in enabled_security_strategies until '
            f'its keys are retired.'
        )


def _tell(row: MasterKeyRow, rotation: Rotation) -> None:
    print(
        f'Master key {row.id} is in use: strategy {row.strategy}, reference '
        f'{row.reference}.'
    )
    count = rotation.progress().misplaced
    if count:
        print(
            f'{count} project keys will be rewrapped by running conductors: '
            f'see secretstore-manage master-key status.'
        )


def _retire(database: Database, conf: cfg.ConfigOpts) -> None:
    with open_keys(database, conf, started=False) as keys:
        row = Rotation(database, keys.master_keys).retire(conf.command.key_id)
    if row.destroyed_at is not None:
        print(f'Master key {row.id} was destroyed at {row.destroyed_at}.')
        return
    print(
        f'Master key {row.id} is retired. A conductor that has security '
        f'strategy {row.strategy} destroys it after '
        f'{key_memory(database, conf).longest()} s.'
    )


def key_memory(database: Database, conf: cfg.ConfigOpts) -> KeyMemory:
    return KeyMemory(database, conf.conductor.key_cache_ttl)


STRATEGY_HELP = 'one of the enabled strategies; default: that of new keys'
KEY_HELP = """
use this key of the token, which was made by hsm create-key (whose output is
taken as well) or by the tools of the HSM; the id is hexadecimal
"""
RETIRE_DESCRIPTION = """
Have a master key destroyed that nothing needs any more. It is refused while
project keys are under it, and while it is in use.

There is no way back, and backups of the database from before the key was
replaced cannot be read without it: keep a copy of the key for as long as you
keep those.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        'master-key', help='rotate, migrate and retire master keys'
    )
    actions = parser.add_subparsers(
        dest='action',
        required=True,
        metavar='list|status|rotate|migrate|retire',
    )
    actions.add_parser('list', help='print all of them').set_defaults(
        run=_list
    )
    actions.add_parser(
        'status', help='print how far rewrapping is'
    ).set_defaults(run=_status)
    rotate = actions.add_parser(
        'rotate', help='use a new master key, and rewrap what is under the old'
    )
    rotate.add_argument('--strategy', help=STRATEGY_HELP)
    rotate.add_argument('--key', metavar='LABEL[/ID]', help=KEY_HELP)
    rotate.set_defaults(run=_rotate)
    migrate = actions.add_parser(
        'migrate', help='have another strategy guard the keys'
    )
    migrate.add_argument(
        '--to',
        metavar='STRATEGY',
        required=True,
        help='a strategy that every conductor has enabled',
    )
    migrate.set_defaults(run=_migrate)
    retire = actions.add_parser(
        'retire',
        help='destroy a master key that nothing is under',
        description=RETIRE_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    retire.add_argument('key_id', metavar='MASTER_KEY_ID')
    retire.set_defaults(run=_retire)
