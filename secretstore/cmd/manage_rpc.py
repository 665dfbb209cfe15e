# SPDX-License-Identifier: Apache-2.0
"""``secretstore-manage rpc``: the key between API and conductor."""

import argparse
from typing import TYPE_CHECKING

from secretstore.cmd import seal_keys
from secretstore.rpc import sealfile

if TYPE_CHECKING:
    from oslo_config import cfg

_DESCRIPTION = """
Make the file [rpc] seal_key_file, or with --rotate put a new key into it.
Run it as the user the service runs as, on one host, and copy the file to all
others.

After --rotate the key that was used before is still accepted. No request
fails when the conductors get the new file, and are restarted, before those
that call them. When all have it, another --rotate and another round remove
the former key. A process that gets the file from systemd, as the units of this
package have it, has to be restarted: a reload leaves it with what it had. The
ids of its keys are in its log.
"""


def _create(_: object, conf: 'cfg.ConfigOpts') -> None:
    path = conf.rpc.seal_key_file
    if conf.command.rotate:
        sealfile.rotate(path)
        print(
            f'{path}: a new key comes first: {seal_keys.ids(path)}. Copy the '
            f'file to the conductors and restart them, then to those that '
            f'call them.'
        )
    else:
        sealfile.create(path)
        print(
            f'{path}: made: {seal_keys.ids(path)}. Copy it to all API and '
            f'conductor hosts.'
        )


def add_parser(
    subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Add the commands, none of which needs the database."""
    parser = subparsers.add_parser('rpc', help='the key that seals messages')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='create-seal-key'
    )
    create = actions.add_parser(
        'create-seal-key',
        help='make the key that seals messages between API and conductor',
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    create.add_argument(
        '--rotate',
        action='store_true',
        help='put a new key into the file, and keep the one in use',
    )
    create.set_defaults(run=_create, needs_database=False)
