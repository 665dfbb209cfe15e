# SPDX-License-Identifier: Apache-2.0
"""``secretstore-standalone``: the whole service, nothing to configure.

API and conductor in one process on SQLite, with the master key in a file
and users in a password file.  The first start writes a configuration, a
user and a ``clouds.yaml`` for clients into the state directory; later
starts leave what is there alone, so that it may be edited.
"""

import argparse
import os
from pathlib import Path
import signal
import sys
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from oslo_config import cfg

from secretstore import errors
from secretstore.cmd import (
    database_failures,
    embedded,
    observability,
    service,
    state,
    strategies,
)

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def main() -> None:
    """Prepare the state directory, then serve until told to stop."""
    arguments = _arguments()
    os.umask(0o077)
    directory: Path = arguments.state_dir.resolve()
    files: list[Path] = arguments.config_file or []
    url = state.server_url(arguments.host, arguments.port)
    try:
        with database_failures.named():
            state.require_free(arguments.host, arguments.port)
            conf = service.load_config(
                files=files or [state.prepare(directory, url)]
            )
            state.verify(conf)
    except errors.SecretStoreError as error:
        print(f'secretstore: {error}', file=sys.stderr)
        sys.exit(1)

    def load() -> 'WSGIApplication':
        application = _application(conf)
        print(
            _listening(url, files) if files else state.commands(directory, url)
        )
        print('Stop it with Ctrl-C.', flush=True)
        return application

    Granian(
        'secretstore.wsgi.api:application',
        address=arguments.host,
        port=arguments.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=state.threads(),
        log_level=LogLevels.warning,
        workers_kill_timeout=30,
    ).serve(target_loader=load, wrap_loader=False)


def _arguments() -> argparse.Namespace:
    parser = state.parser('secretstore-standalone', __doc__)
    parser.add_argument(
        '--config-file',
        action='append',
        type=Path,
        metavar='FILE',
        help='use this in place of DIR/secretstore.conf; may be repeated',
    )
    return parser.parse_args()


def _application(conf: cfg.ConfigOpts) -> 'WSGIApplication':
    """Made in the process that serves: strategies start after any fork."""
    # The server's own handlers only count in its first process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        with strategies.said_before():
            observability.start(conf, 'secretstore-standalone')
            return embedded.application(conf)
    except errors.SecretStoreError as error:
        service.fail(error)


def _listening(url: str, files: list[Path]) -> str:
    names = ', '.join(str(file.resolve()) for file in files)
    return f'secretstore listens on {url}; its configuration is {names}.'


if __name__ == '__main__':
    main()
