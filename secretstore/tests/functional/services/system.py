# SPDX-License-Identifier: Apache-2.0
"""What the servers of the tests need of the machine: programs and ports."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time
import typing
import unittest

HOST = '127.0.0.1'
# Below the range from which the kernel takes ports for outgoing connections,
# so that a stopped server finds its port free again.
_PORTS = range(20000, 32000)
_given_ports: set[int] = set()


class Error(Exception):
    """A server did not do what the tests need of it."""


def is_strict() -> bool:
    """Whether something missing is a failure rather than a skip."""
    return (
        os.environ.get('SECRETSTORE_TESTS_STRICT') == '1'
        or os.environ.get('CI') == 'true'
    )


def missing(reason: str) -> typing.NoReturn:
    """Skip the running test, or fail it where nothing may be missing."""
    if is_strict():
        raise Error(f'{reason} (not skipped: CI or strict tests)')
    raise unittest.SkipTest(reason)


def find(command: str, package: str, *places: pathlib.Path) -> str:
    """The path of an executable; skips the test when it is not installed."""
    system = [pathlib.Path(p) for p in ('/usr/sbin', '/usr/local/sbin')]
    path = os.pathsep.join(
        [str(p) for p in places]
        + [os.environ.get('PATH', os.defpath)]
        + [str(p) for p in system]
    )
    found = shutil.which(command, path=path)
    if found is None:
        missing(f'{command} not found: install {package}')
    return found


def say(text: str) -> None:
    """Tell whoever runs the tests what is being waited for.

    On the standard error of the process: test runners use standard output
    for results and replace sys.stderr while a test runs.
    """
    stream = sys.__stderr__
    if stream is not None:
        print(f'-- {text}', file=stream, flush=True)


def free_port() -> int:
    """A port on the loopback address that nobody listens on."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind((HOST, port))
            except OSError:
                continue
        if port not in _given_ports:
            _given_ports.add(port)
            return port
    raise Error('no free port found')


def wait_for(
    what: str, ready: typing.Callable[[], bool], seconds: float = 60
) -> None:
    """Return once ready() is true; raises Error after that many seconds."""
    end = time.monotonic() + seconds
    pause = 0.02
    while not ready():
        if time.monotonic() > end:
            raise Error(f'{what}: not ready after {seconds:.0f} s')
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def environment(**more: str) -> dict[str, str]:
    """The environment of servers and tools: ours, without any proxy."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith('_proxy')
        and not name.startswith(('OS_', 'PYTEST_'))
    }
    return {**env, 'NO_PROXY': '*', 'PYTHONWARNINGS': 'ignore', **more}


def run(
    command: typing.Sequence[str | os.PathLike[str]],
    *,
    seconds: float = 300,
    env: typing.Mapping[str, str] | None = None,
    cwd: pathlib.Path | None = None,
    text: str | None = None,
    user: int | None = None,
) -> str:
    """The output of a command; raises Error with its end when it fails."""
    try:
        done = subprocess.run(
            command,
            env=dict(env or environment()),
            cwd=cwd,
            input='' if text is None else text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            user=user,
            extra_groups=None if user is None else [],
        )
    except subprocess.TimeoutExpired as exc:
        raise Error(f'{command[0]}: no end after {seconds} s') from exc
    if done.returncode:
        raise Error(f'{command[0]}: {done.returncode}\n{done.stdout[-2000:]}')
    return done.stdout
