# SPDX-License-Identifier: Apache-2.0
"""The split form on this machine, nothing to configure: to try it out.

Two API processes and two conductors with JSON-RPC over HTTP between them,
sealed, on the database, the keys and the users of ``secretstore-standalone``
in the same state directory.  Conductors may be killed to see what happens;
when all have ended, or the API has, the rest is ended as well.
"""

import argparse
from collections.abc import Mapping, Sequence
import functools
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import NoReturn
import urllib.request

from secretstore import errors
from secretstore.cmd import database_failures, service, state
from secretstore.rpc import sealfile

CONDUCTORS = 2
API_PROCESSES = 2
# From the port of the API to that of the first conductor.
_DISTANCE = 10
_SECONDS = 30

_API = """\
# Written at each start. All that an API process has to know: neither the
# database nor the place of the keys.
[DEFAULT]
state_path = {directory}
auth_strategy = http_basic
transport_url = http://{endpoints}/

[api]
conductor = rpc

[rpc]
seal_key_file = $state_path/rpc.key

[http_basic]
admins = {user}

[oslo_middleware]
http_basic_auth_user_file = $state_path/users
"""

_CONDUCTOR = """\
# Written at each start; what is not here is in ../secretstore.conf.
[DEFAULT]
transport_url = http://{endpoints}/

[rpc]
listen = {endpoint}
seal_key_file = $state_path/rpc.key
"""


class Processes:
    """Children of this process, each in a session of its own.

    So a Ctrl-C reaches only this process, which ends them in their order.
    """

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._running[name] = subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ended(self) -> dict[str, int]:
        """Those that ended since the last call, with their status."""
        found = {
            name: process.returncode
            for name, process in self._running.items()
            if process.poll() is not None
        }
        for name in found:
            del self._running[name]
        return found

    def names(self) -> set[str]:
        return set(self._running)

    def stop(self) -> None:
        """End them, the last one first, and wait for the end of each."""
        for name in reversed(list(self._running)):
            process = self._running.pop(name)
            process.terminate()
            try:
                process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main() -> int:
    """Start everything, wait for a signal, stop everything."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    arguments = state.parser('secretstore-distributed', __doc__).parse_args()
    os.umask(0o077)
    processes = Processes()
    try:
        with database_failures.named():
            _run(arguments, processes)
    except errors.SecretStoreError as error:
        print(f'secretstore: {error}', file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        processes.stop()
    return 0


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def _run(arguments: argparse.Namespace, processes: Processes) -> None:
    host, port = arguments.host, arguments.port
    directory: Path = arguments.state_dir.resolve()
    url = state.server_url(host, port)
    ports = [port + _DISTANCE + number for number in range(CONDUCTORS)]
    for each in (port, *ports):
        state.require_free(host if each == port else '127.0.0.1', each)
    config = state.prepare(directory, url)
    state.verify(service.load_config(files=[config]))
    if not (directory / 'rpc.key').exists():
        sealfile.create(str(directory / 'rpc.key'))
    files = _configure(directory, [f'127.0.0.1:{each}' for each in ports])
    for number, file in enumerate(files[1:], 1):
        processes.start(
            f'conductor {number}',
            [
                sys.executable,
                '-m',
                'secretstore.cmd.conductor',
                f'--config-file={config}',
                f'--config-file={file}',
            ],
        )
    processes.start(
        'API',
        _api_command(host, port),
        {service.CONFIG_FILES_VARIABLE: str(files[0])},
    )
    _wait_until_healthy(url, processes)
    print(state.commands(directory, url))
    print('Stop it with Ctrl-C.', flush=True)
    _supervise(processes)


def _configure(directory: Path, endpoints: list[str]) -> list[Path]:
    """The configuration files of the API, then of each conductor."""
    folder = directory / 'distributed'
    folder.mkdir(mode=0o700, exist_ok=True)
    all_of_them = ','.join(endpoints)
    texts = {
        'api.conf': _API.format(
            directory=directory, endpoints=all_of_them, user=state.USER
        )
    }
    for number, endpoint in enumerate(endpoints, 1):
        texts[f'conductor-{number}.conf'] = _CONDUCTOR.format(
            endpoint=endpoint, endpoints=all_of_them
        )
    for name, text in texts.items():
        (folder / name).unlink(missing_ok=True)
        state.write_once(folder / name, functools.partial(str, text))
    return [folder / name for name in texts]


def _api_command(host: str, port: int) -> list[str]:
    options = {
        'interface': 'wsgi',
        'host': host,
        'port': port,
        'workers': API_PROCESSES,
        'blocking-threads': state.threads(),
        'workers-kill-timeout': _SECONDS,
        'log-level': 'warning',
    }
    return [
        sys.executable,
        '-m',
        'granian',
        *[f'--{name}={value}' for name, value in options.items()],
        'secretstore.wsgi.api:application',
    ]


def _wait_until_healthy(url: str, processes: Processes) -> None:
    end = time.monotonic() + _SECONDS
    # The loopback is reached directly, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end:
        ended = processes.ended()
        if ended:
            raise errors.StartupError(f'{", ".join(ended)}: no start')
        try:
            opener.open(f'{url}/healthcheck', timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise errors.StartupError(f'{url} does not answer')


def _supervise(processes: Processes) -> None:
    """Return when the API has ended, or all conductors have."""
    while True:
        for name, status in processes.ended().items():
            print(f'{name} has ended with status {status}', flush=True)
        left = processes.names()
        if 'API' not in left or len(left) == 1:
            return
        time.sleep(0.2)


if __name__ == '__main__':
    sys.exit(main())
