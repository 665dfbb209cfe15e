# SPDX-License-Identifier: Apache-2.0
"""The software token of opencryptoki, which is unlike SoftHSM's.

Its daemon, its configuration and its data are the machine's: there is one of
each.  The test process therefore moves into a view of the file system, and
of shared memory, of its own, and finds its way back afterwards.
"""

import contextlib
import ctypes
import os
import pathlib
import subprocess
import typing

from secretstore.tests.functional.services import process, system, tokens

_CLONE_FS = 0x00000200
_CLONE_NEWNS = 0x00020000
_CLONE_NEWIPC = 0x08000000
_SPACES = {'mnt': _CLONE_NEWNS, 'ipc': _CLONE_NEWIPC}
_CONFIG = 'version opencryptoki-3.1\nslot 3\n{\nstdll = libpkcs11_sw.so\n}\n'
_FIRST_SO_PIN = '87654321'
# Where it keeps what; all of it is empty in the test's own view.
_FOLDERS = ('/etc/opencryptoki', '/var/lib/opencryptoki', '/run', '/dev/shm')
_OWN_FOLDERS = (
    '/var/lib/opencryptoki/swtok/TOK_OBJ',
    '/run/lock/opencryptoki/swtok',
)
_LIBRARY = 'pkcs11/libopencryptoki.so'


class OpenCryptoki(tokens.Token):
    """A software token; a context manager, since only one can be used."""

    def __init__(self) -> None:
        self._daemon = system.find('pkcsslotd', 'opencryptoki')
        self._tool = system.find('pkcsconf', 'opencryptoki')
        self.library.exists()
        if os.geteuid():
            system.missing('only root can run the daemon of opencryptoki')
        super().__init__('opencryptoki')
        self._stack = contextlib.ExitStack()

    @property
    def library(self) -> pathlib.Path:
        found = [
            *pathlib.Path('/usr/lib').glob(f'*/{_LIBRARY}'),
            *pathlib.Path('/usr/lib64').glob(_LIBRARY),
        ]
        if not found:
            system.missing('libopencryptoki.so not found: install it')
        return found[0]

    def __enter__(self) -> typing.Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_own_view())
            self._mount()
            stack.enter_context(self._running())
            self._initialise()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()

    def _mount(self) -> None:
        # Nothing that is mounted here is seen by others.
        system.run(['mount', '--make-rprivate', '/'])
        for folder in _FOLDERS:
            system.run(['mount', '-t', 'tmpfs', 'none', folder])
        for folder in _OWN_FOLDERS:
            pathlib.Path(folder).mkdir(parents=True)
        for folder in ('/var/lib/opencryptoki', '/run/lock'):
            system.run(['chgrp', '-R', 'pkcs11', folder])
        pathlib.Path('/etc/opencryptoki/opencryptoki.conf').write_text(_CONFIG)

    @contextlib.contextmanager
    def _running(self) -> typing.Iterator[None]:
        with (self.folder / 'pkcsslotd.log').open('wb') as log:
            daemon = subprocess.Popen(
                [self._daemon, '-f'],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process.end_with_us(daemon.pid)
        try:
            yield
        finally:
            daemon.terminate()
            daemon.wait(10)
            process.end_with_us(-daemon.pid)

    def _initialise(self) -> None:
        system.wait_for('pkcsslotd', self._answers, 10)
        self._ask('-I', '-S', _FIRST_SO_PIN, text=f'{self.label}\n')
        self._ask('-P', '-S', _FIRST_SO_PIN, '-n', self.so_pin)
        self._ask('-u', '-S', self.so_pin, '-n', self.pin)

    def flags(self) -> str:
        """What the token says of itself and its PINs."""
        (line,) = [
            line for line in self._ask('-t').splitlines() if 'Flags' in line
        ]
        return line

    def _answers(self) -> bool:
        try:
            return 'Token #3' in self._ask('-t')
        except system.Error:
            return False

    def _ask(self, *words: str, text: str | None = None) -> str:
        return system.run([self._tool, '-c', '3', *words], text=text)


@contextlib.contextmanager
def _own_view() -> typing.Iterator[None]:
    """Have this thread, and what it starts, see other mounts and memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.getcwd()
    before = {
        flag: os.open(f'/proc/thread-self/ns/{name}', os.O_RDONLY)
        for name, flag in _SPACES.items()
    }
    if libc.unshare(sum(before)):
        system.missing(
            f'no view of the file system of its own for opencryptoki: '
            f'{os.strerror(ctypes.get_errno())}'
        )
    try:
        yield
    finally:
        # A thread that was started meanwhile and has not quite ended shares
        # what setns(2) changes only for a thread that shares it with none.
        libc.unshare(_CLONE_FS)
        for flag, file in before.items():
            if libc.setns(file, flag):
                raise OSError(ctypes.get_errno(), 'setns')
            os.close(file)
        os.chdir(here)
