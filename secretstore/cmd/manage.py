# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage``: what operators do to the database."""

import sys

from oslo_config import cfg

from secretstore import errors
from secretstore.cmd import failures, service
from secretstore.db import migration
from secretstore.db.engine import Database


def _upgrade(database: Database) -> None:
    before = migration.version(database)
    migration.upgrade(database)
    print(f'{before or "an empty database"} -> {migration.version(database)}')


def _version(database: Database) -> None:
    print(migration.version(database) or 'no schema')


def _check(database: Database) -> None:
    migration.check(database)
    print(f'The database is at {migration.head()}: nothing to do.')


ACTIONS = {
    'upgrade': (_upgrade, 'bring the schema up to this release'),
    'version': (_version, 'print the revision of the schema'),
    'check': (_check, 'exit with 1 unless the schema fits this release'),
}


def _add_parsers(subparsers: 'cfg._Subparsers') -> None:  # type: ignore[name-defined]
    parser = subparsers.add_parser('db', help='the database schema')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='|'.join(ACTIONS)
    )
    for name, (function, text) in ACTIONS.items():
        actions.add_parser(name, help=text).set_defaults(run=function)


COMMAND = cfg.SubCommandOpt('command', title='Commands', handler=_add_parsers)


def main() -> int:
    """Run one command; the exit status is 0 when it succeeded."""
    cfg.CONF.register_cli_opt(COMMAND)
    try:
        with failures.named():
            conf = service.load_config(sys.argv[1:])
            conf.command.run(Database.from_conf(conf, patient=True))
    except errors.SecretStoreError as error:
        print(f'secretstore-manage: {error}', file=sys.stderr)
        return 1
    return 0
