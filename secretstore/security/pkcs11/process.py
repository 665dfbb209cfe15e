# SPDX-License-Identifier: Apache-2.0
"""A worker as the service sees it: a process, a socket and a deadline."""

import contextlib
import math
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import time

import msgspec

from secretstore.security.pkcs11 import messages

_MODULE = 'secretstore.security.pkcs11.worker'
_KILLING_SECONDS = 2.0
_ENDING_SECONDS = 0.5


class Died(Exception):
    """The worker ended, or wrote what no worker writes."""


class Hung(Exception):
    """The worker did not answer in time."""


class Worker:
    """One worker process; used by one thread at a time.

    It inherits nothing but its two files and the environment, belongs to no
    terminal, and dies with this process.

    opened_at is when its session was opened, as ``time.monotonic()`` has it.
    """

    opened_at = -math.inf

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        watched, self._lifeline = os.pipe()
        inherited = (theirs.fileno(), watched)
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [_python(), '-P', '-m', _MODULE, *map(str, inherited)],
                env=os.environ | {'PYTHONPATH': _import_path()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=inherited,
                start_new_session=True,
            )
        except BaseException:
            self.forget()
            raise
        finally:
            theirs.close()
            os.close(watched)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def ending(self) -> str:
        """How the process ended by itself, for messages."""
        try:
            # What it held is gone a moment before it is.
            code = self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return 'answered what no worker does'
        if code < 0:
            with contextlib.suppress(ValueError):
                return f'died of {signal.Signals(-code).name}'
        return f'ended with status {code}'

    def call(
        self, request: messages.Request, seconds: float
    ) -> messages.Answer:
        """The answer; after ``Died`` or ``Hung`` only ``kill`` makes sense."""
        deadline = time.monotonic() + seconds
        try:
            self._socket.settimeout(seconds)
            messages.send(self._socket, request)
            return messages.receive_answer(self._socket, deadline)
        except TimeoutError:
            raise Hung from None
        except (EOFError, OSError, msgspec.MsgspecError):
            raise Died from None

    def hang_up(self) -> None:
        """Have it log out and end once it has nothing to do."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self, seconds: float) -> None:
        """Wait so long for its end after ``hang_up``, then kill it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        self._process.kill()
        # One that the kernel cannot end yet is waited for by a later one.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLING_SECONDS)
        self.forget()

    def forget(self) -> None:
        """Close our ends, as a process must that did not start it."""
        self._socket.close()
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)


def _python() -> str:
    """The interpreter; inside a server, ``sys.executable`` is the server."""
    name = f'python{sys.version_info.major}.{sys.version_info.minor}'
    own = Path(sys.executable or '/')
    if own.name.startswith('python'):
        return str(own)
    for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix):
        if (Path(prefix) / 'bin' / name).exists():
            return str(Path(prefix) / 'bin' / name)
    return name


def _import_path() -> str:
    return os.pathsep.join(path for path in sys.path if path)
