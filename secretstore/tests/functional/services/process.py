# SPDX-License-Identifier: Apache-2.0
"""Server processes of the tests: started, watched, and never left behind."""

import abc
import atexit
import functools
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import typing

from secretstore.tests.functional.services import system


class _Guard:
    """Our side of the process that cleans up when this one dies."""

    def __init__(self) -> None:
        program = pathlib.Path(__file__).with_name('reaper.py')
        self._process = subprocess.Popen(
            [sys.executable, '-I', str(program)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def tell(self, entry: str) -> None:
        stdin = typing.cast(typing.IO[str], self._process.stdin)
        stdin.write(entry + '\n')
        stdin.flush()

    def close(self) -> None:
        typing.cast(typing.IO[str], self._process.stdin).close()
        self._process.wait(30)


@functools.cache
def _guard() -> _Guard:
    guard = _Guard()
    atexit.register(guard.close)
    return guard


def end_with_us(group: int) -> None:
    """Have a process group that is not a Server's end when this process does.

    It is asked for again with its number negated once it was stopped.
    """
    _guard().tell(f'{group:+d}')


@functools.cache
def _work_folder() -> pathlib.Path:
    folder = pathlib.Path(tempfile.mkdtemp(prefix='secretstore-tests-'))
    # Servers that refuse to run as root must be able to pass through.
    folder.chmod(0o711)
    _guard().tell(str(folder))
    return folder


def new_folder(name: str) -> pathlib.Path:
    """A fresh folder that is gone when the test process is."""
    folder = tempfile.mkdtemp(prefix=f'{name}-', dir=_work_folder())
    return pathlib.Path(folder)


class Server(abc.ABC):
    """One server process with its children, on a port and a folder.

    stop() and start() again keep both. A context manager starts on entry
    and stops on exit.
    """

    name: typing.ClassVar[str]
    start_seconds: typing.ClassVar[float] = 60

    def __init__(self) -> None:
        self.port = system.free_port()
        self.folder = new_folder(self.name)
        self.log_file = self.folder / f'{self.name}.log'
        self._process: subprocess.Popen[bytes] | None = None

    @abc.abstractmethod
    def command(self) -> list[str]:
        """What to run; called at each start."""

    @abc.abstractmethod
    def ready(self) -> bool:
        """Whether the server answers; must not raise while it does not."""

    def prepare(self) -> None:  # noqa: B027
        """Make what the command needs; called before each start."""

    def env(self) -> dict[str, str]:
        return system.environment()

    def user(self) -> int | None:
        """The user to run as, None for the one who runs the tests."""
        return None

    @property
    def pid(self) -> int:
        """The first process, which is also the number of its group."""
        if self._process is None:
            raise system.Error(f'{self.name} is not running')
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Run the server and wait until it answers."""
        if self.running:
            return
        began = time.monotonic()
        self.prepare()
        self.launch()
        try:
            system.wait_for(self.name, self._ready_or_dead, self.start_seconds)
        except BaseException:
            self.kill()
            raise
        took = time.monotonic() - began
        system.say(f'{self.name} is up on port {self.port} after {took:.1f} s')

    def launch(self) -> None:
        """Run the command without waiting for an answer."""
        user = self.user()
        with self.log_file.open('ab') as log:
            self._process = subprocess.Popen(
                self.command(),
                env=self.env(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                extra_groups=None if user is None else [],
            )
        _guard().tell(f'+{self._process.pid}')

    def _ready_or_dead(self) -> bool:
        if not self.running:
            raise system.Error(
                f'{self.name} ended:\n{self.log_text()[-3000:]}'
            )
        return self.ready()

    def log_text(self) -> str:
        """All the server wrote to its output so far."""
        if not self.log_file.exists():
            return ''
        return self.log_file.read_text(errors='replace')

    def send(self, number: int) -> None:
        """Send a signal to the server and all its children."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the whole group by a signal and wait for the server's end."""
        if self._process is None:
            return
        self.send(number)
        self._finish(30)

    def stop(self) -> None:
        """Ask the server to end; kill what is left of it after a while."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self.stop_signal())
        self._finish(30)

    def stop_signal(self) -> int:
        return signal.SIGTERM

    def _finish(self, seconds: float) -> None:
        process = typing.cast('subprocess.Popen[bytes]', self._process)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            system.say(f'{self.name} does not end; killing it')
        self.send(signal.SIGKILL)
        process.wait(30)
        _guard().tell(f'-{process.pid}')
        self._process = None

    def __enter__(self) -> typing.Self:
        self.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()
