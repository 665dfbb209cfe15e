# SPDX-License-Identifier: Apache-2.0
"""``secretstore-standalone``: the whole service, nothing to configure.

API and conductor in one process on SQLite, with the master key in a file
and users in a password file.  The first start writes a configuration, a
user and a ``clouds.yaml`` for clients into the state directory; later
starts leave what is there alone, so that it may be edited.
"""

import argparse
from collections.abc import Callable
import fcntl
import logging
import os
from pathlib import Path
import re
import secrets
import signal
import socket
import sys
from typing import TYPE_CHECKING

import bcrypt
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from oslo_config import cfg

from secretstore import errors
from secretstore.api import app
from secretstore.cmd import failures, service
from secretstore.conductor import service as conductor
from secretstore.db import migration
from secretstore.db.engine import Database

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

USER = 'admin'
# More only hand the interpreter lock around.
THREADS = 8

_CONFIG = """\
# Written by secretstore-standalone at its first start; yours to change.
# All options: make sample-config in the source of secretstore, or its
# documentation under Reference.
[DEFAULT]
state_path = {directory}
auth_strategy = http_basic
security_strategy = proprietary

[proprietary]
crypt_key_dir = $state_path/keys

[database]
connection = sqlite:///$state_path/secretstore.db

[http_basic]
admins = {user}

[oslo_middleware]
http_basic_auth_user_file = $state_path/users
"""

_CLOUDS = """\
clouds:
  secretstore:
    auth_type: http_basic
    auth:
      username: {user}
      password: {password}
      endpoint: {url}/v1
"""
# As this program writes it.
_ENDPOINT = re.compile(
    r'^(  secretstore:\n(?: {4}.*\n| *(?:#.*)?\n)*? {6}endpoint: )'
    r'http://\S+:\d+/v1$',
    re.MULTILINE,
)


def main() -> None:
    """Prepare the state directory, then serve until told to stop."""
    arguments = _arguments()
    os.umask(0o077)
    directory: Path = arguments.state_dir.resolve()
    files: list[Path] = arguments.config_file or []
    url = _url(arguments.host, arguments.port)
    try:
        with failures.named():
            _require_free(arguments.host, arguments.port)
            conf = service.load_config(
                files=files or [_prepare(directory, url)]
            )
            _verify(conf)
    except errors.SecretStoreError as error:
        print(f'secretstore: {error}', file=sys.stderr)
        sys.exit(1)

    def load() -> 'WSGIApplication':
        application = _application(conf)
        print(_listening(url, files) if files else _commands(directory, url))
        print('Stop it with Ctrl-C.', flush=True)
        return application

    Granian(
        'secretstore.wsgi.api:application',
        address=arguments.host,
        port=arguments.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=_threads(),
        log_level=LogLevels.warning,
        workers_kill_timeout=30,
    ).serve(target_loader=load, wrap_loader=False)


def _url(host: str, port: int) -> str:
    return (
        f'http://[{host}]:{port}' if ':' in host else f'http://{host}:{port}'
    )


def _threads() -> int:
    """As many as help; the server warns of more for these processors."""
    return min(THREADS, 2 * len(os.sched_getaffinity(0)) + 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='secretstore-standalone', description=__doc__
    )
    parser.add_argument(
        '--state-dir',
        type=Path,
        default=Path('var'),
        metavar='DIR',
        help='where database, keys and users are kept (default: ./var)',
    )
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=9311)
    parser.add_argument(
        '--config-file',
        action='append',
        type=Path,
        metavar='FILE',
        help='use this in place of DIR/secretstore.conf; may be repeated',
    )
    return parser.parse_args()


def _require_free(host: str, port: int) -> None:
    """Raise StartupError when somebody listens there.

    The server would not notice: it shares ports, and each of two services
    would get some of the other's requests.
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise errors.StartupError(
            f'cannot listen on {host} port {port}: {error.strerror}; '
            "choose another with --port (make run ARGS='--port 9312')"
        ) from error


def _prepare(directory: Path, url: str) -> Path:
    """Make what is missing of the state directory; its configuration."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = directory / 'secretstore.conf'
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Of two first starts at once the second finds all of it made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write_once(
            config, lambda: _CONFIG.format(directory=directory, user=USER)
        )
        _make_user(directory, url)
    finally:
        os.close(lock)
    return config


def _make_user(directory: Path, url: str) -> None:
    users, clouds = directory / 'users', directory / 'clouds.yaml'
    if users.exists():
        if clouds.exists():
            _point(clouds, url)
        return
    password = secrets.token_urlsafe(24)
    clouds.unlink(missing_ok=True)
    _write_once(
        clouds, lambda: _CLOUDS.format(user=USER, password=password, url=url)
    )
    # Last: the password that it has the hash of is on disk by now.
    _write_once(users, lambda: f'{USER}:{_hashed(password)}\n')


def _point(clouds: Path, url: str) -> None:
    """Have clients look where this start listens; the rest stays.

    An endpoint that somebody edited, behind a proxy perhaps, is theirs.
    """
    before = clouds.read_text()
    after = _ENDPOINT.sub(lambda found: f'{found[1]}{url}/v1', before, 1)
    if after != before:
        draft = clouds.with_name('clouds.yaml.new')
        draft.unlink(missing_ok=True)
        _write_once(draft, lambda: after)
        draft.replace(clouds)


def _write_once(path: Path, make: Callable[[], str]) -> bool:
    """Write a file for the owner's eyes unless it exists; whether it did."""
    if path.exists():
        return False
    with open(
        path, 'x', opener=lambda name, flags: os.open(name, flags, 0o600)
    ) as file:
        file.write(make())
    return True


def _hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()


def _verify(conf: cfg.ConfigOpts) -> None:
    """Bring the schema up to date and try the keys, leaving nothing open.

    Done before the server forks, so that a mistake stops the start.
    """
    database = Database.from_conf(conf, patient=True)
    try:
        migration.upgrade(database)
        keys = conductor.key_hierarchy(conf, database)
        keys.start()
        keys.stop()
    finally:
        database.dispose()


def _application(conf: cfg.ConfigOpts) -> 'WSGIApplication':
    """Made in the process that serves: strategies start after any fork."""
    # The server's own handlers only count in its first process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    # The first process has said what the strategies have to say.
    strategies = logging.getLogger('secretstore.security')
    level = strategies.level
    strategies.setLevel(logging.ERROR)
    try:
        with failures.named():
            return app.build(conf, conductor.start_embedded(conf))
    except errors.SecretStoreError as error:
        service.fail(error)
    finally:
        strategies.setLevel(level)


def _listening(url: str, files: list[Path]) -> str:
    names = ', '.join(str(file.resolve()) for file in files)
    return f'secretstore listens on {url}; its configuration is {names}.'


def _commands(directory: Path, url: str) -> str:
    """Commands to copy; the client is looked for beside this executable."""
    client = Path(sys.argv[0]).resolve().parent / 'openstack'
    openstack = str(client) if client.exists() else 'openstack'
    return f"""\
secretstore listens on {url}; its files are in {directory}.
Try it from another terminal:

  export OS_CLIENT_CONFIG_FILE={directory / 'clouds.yaml'}
  export OS_CLOUD=secretstore
  {openstack} secret store --name demo \\
      --payload-content-type text/plain --payload 's3cret'
  {openstack} secret list
  {openstack} secret get --payload SECRET_HREF
"""


if __name__ == '__main__':
    main()
