# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage``: what operators do to database and keys."""

import argparse
import sys

from oslo_config import cfg

from secretstore import errors
from secretstore.cmd import (
    database_failures,
    manage_hsm,
    manage_keys,
    manage_project_keys,
    manage_rpc,
    service,
)
from secretstore.conductor.purge import Purge, described
from secretstore.db import migration
from secretstore.db.engine import Database
from secretstore.keys.memory import KeyMemory


def _upgrade(database: Database, _: cfg.ConfigOpts) -> None:
    before = migration.version(database)
    migration.upgrade(database)
    print(f'{before or "an empty database"} -> {migration.version(database)}')


def _version(database: Database, _: cfg.ConfigOpts) -> None:
    print(migration.version(database) or 'no schema')


def _check(database: Database, _: cfg.ConfigOpts) -> None:
    migration.check(database)
    print(f'The database is at {migration.head()}: nothing to do.')


def _purge(database: Database, conf: cfg.ConfigOpts) -> None:
    migration.check(database)
    project_id = conf.command.project_id
    purge = Purge(database, conf.collection.batch_size)
    if not conf.command.yes:
        found = described(purge.count(project_id))
        print(f'Project {project_id} has {found or "nothing"}.')
        if found:
            _confirm()
    removed = purge.purge(project_id)
    print(f'Removed {described(removed) or "nothing"}.')
    if removed['project keys']:
        memory = KeyMemory(database, conf.conductor.key_cache_ttl)
        print(
            f'Purge it once more in {memory.longest()} s, when '
            f'no process has the key in its memory any more.'
        )


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise errors.InvalidInput(
            'Nothing was removed: there is no terminal to ask at, so repeat '
            'the command with --yes'
        )
    if input('Remove all of it for good? (yes/no) ').strip() != 'yes':
        raise errors.InvalidInput('Nothing was removed.')


ACTIONS = {
    'upgrade': (_upgrade, 'bring the schema up to this release'),
    'version': (_version, 'print the revision of the schema'),
    'check': (_check, 'exit with 1 unless the schema fits this release'),
}
PURGE_HELP = 'remove all that a project has, and its keys'
PURGE_DESCRIPTION = """
Remove everything that a project has: secrets, containers, orders, consumers,
quotas, its preferred secret store and, last, its keys. There is no way back
but a backup of the database and the master key.

Delete or disable the project in Keystone first, and wait until its tokens
are refused everywhere ([keystone_authtoken] token_cache_time + [api]
auth_cache_time, 6 minutes by default). A process may go on using the
project's key for [conductor] key_cache_ttl seconds: purge once more after
that time. Purging may be interrupted and repeated, and harms no running
service.
"""


def _add_parsers(subparsers: 'cfg._Subparsers') -> None:  # type: ignore[name-defined]
    _add_database_parser(subparsers)
    _add_project_parser(subparsers)
    manage_rpc.add_parser(subparsers)
    manage_keys.add_parser(subparsers)
    manage_project_keys.add_parser(subparsers)
    manage_hsm.add_parser(subparsers)


def _add_database_parser(subparsers: 'cfg._Subparsers') -> None:  # type: ignore[name-defined]
    parser = subparsers.add_parser('db', help='the database schema')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='|'.join(ACTIONS)
    )
    for name, (function, text) in ACTIONS.items():
        actions.add_parser(name, help=text).set_defaults(run=function)


def _add_project_parser(subparsers: 'cfg._Subparsers') -> None:  # type: ignore[name-defined]
    parser = subparsers.add_parser('project', help='what projects have')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='purge'
    )
    purge = actions.add_parser(
        'purge',
        help=PURGE_HELP,
        description=PURGE_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    purge.add_argument('project_id', metavar='PROJECT_ID')
    purge.add_argument(
        '--yes', action='store_true', help='do not ask, for scripts'
    )
    purge.set_defaults(run=_purge)


COMMAND = cfg.SubCommandOpt('command', title='Commands', handler=_add_parsers)


def main() -> int:
    """Run one command; the exit status is 0 when it succeeded."""
    cfg.CONF.register_cli_opt(COMMAND)
    try:
        with database_failures.named():
            conf = service.load_config(sys.argv[1:])
            database = None
            if getattr(conf.command, 'needs_database', True):
                database = Database.from_conf(conf, patient=True)
            conf.command.run(database, conf)
    except errors.SecretStoreError as error:
        print(f'secretstore-manage: {error}', file=sys.stderr)
        return 1
    return 0
