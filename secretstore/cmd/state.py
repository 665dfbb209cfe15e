# SPDX-License-Identifier: Apache-2.0
"""The state directory of the commands that need no configuration.

The first start writes a configuration, a user and a ``clouds.yaml`` for
clients into it; later starts leave what is there alone, so that it may be
edited.
"""

import argparse
from collections.abc import Callable
import fcntl
import os
from pathlib import Path
import re
import secrets
import socket
import sys

import bcrypt
from oslo_config import cfg

from secretstore import errors
from secretstore.cmd import strategies
from secretstore.db import migration
from secretstore.db.engine import Database

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


def parser(program: str, text: str) -> argparse.ArgumentParser:
    """What the commands with a state directory are asked for."""
    made = argparse.ArgumentParser(prog=program, description=text)
    made.add_argument(
        '--state-dir',
        type=Path,
        default=Path('var'),
        metavar='DIR',
        help='where database, keys and users are kept (default: ./var)',
    )
    made.add_argument('--host', default='127.0.0.1')
    made.add_argument('--port', type=int, default=9311)
    return made


def threads() -> int:
    """As many as help; the server warns of more for these processors."""
    return min(THREADS, 2 * len(os.sched_getaffinity(0)) + 1)


def server_url(host: str, port: int) -> str:
    """Where clients on this machine find the service."""
    return (
        f'http://[{host}]:{port}' if ':' in host else f'http://{host}:{port}'
    )


def require_free(host: str, port: int) -> None:
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


def prepare(directory: Path, url: str) -> Path:
    """Make what is missing of the state directory; its configuration."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = directory / 'secretstore.conf'
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Of two first starts at once the second finds all of it made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_once(
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
    write_once(
        clouds, lambda: _CLOUDS.format(user=USER, password=password, url=url)
    )
    # Last: the password that it has the hash of is on disk by now.
    write_once(users, lambda: f'{USER}:{_hashed(password)}\n')


def _point(clouds: Path, url: str) -> None:
    """Have clients look where this start listens; the rest stays.

    An endpoint that somebody edited, behind a proxy perhaps, is theirs.
    """
    before = clouds.read_text()
    after = _ENDPOINT.sub(lambda found: f'{found[1]}{url}/v1', before, 1)
    if after != before:
        draft = clouds.with_name('clouds.yaml.new')
        draft.unlink(missing_ok=True)
        write_once(draft, lambda: after)
        draft.replace(clouds)


def write_once(path: Path, make: Callable[[], str]) -> bool:
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


def verify(conf: cfg.ConfigOpts) -> None:
    """Bring the schema up to date and try the keys, leaving nothing open.

    Done before the server forks, so that a mistake stops the start.
    """
    database = Database.from_conf(conf, patient=True)
    try:
        migration.upgrade(database)
        strategies.try_keys(conf, database)
    finally:
        database.dispose()


def commands(directory: Path, url: str) -> str:
    """Commands to copy; the client is looked for beside this Python."""
    client = Path(sys.executable).parent / 'openstack'
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
