# SPDX-License-Identifier: Apache-2.0
"""A folder in which several processes keep what each of them counted.

prometheus_client names files by process id, so that each worker that ever
ran leaves some.  Here a process takes the lowest number that no living one
has, and goes on counting where the one before it stopped: there are as many
files as processes at a time.
"""

from collections.abc import Callable
import contextlib
import fcntl
import itertools
import os
from pathlib import Path

# Names that prometheus_client gives to files; see Instruments.
_KINDS = ('counter', 'histogram', 'gauge_mostrecent')
# What it makes a new file of.
_SIZE = 1 << 16


class Folder:
    """A process's place in the folder.

    Locks are the kernel's, so they end with the process however it ends.
    Raises OSError when files cannot be made.
    """

    def __init__(self, path: Path, forked: Callable[[], None]) -> None:
        """Make the folder; see enter().

        :param forked: called, once, in each process that is a child of one
            that has a number
        """
        self.path = path
        self._forked = forked
        self._pid = 0
        self._held: int | None = None
        self._number = 0
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._alive = _open(path / 'lock')

    def enter(self, first: Callable[[], None]) -> None:
        """Take a number; the first of all processes clears the folder.

        :param first: called by the first one while the others wait
        """
        try:
            fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            self._clear()
            first()
        fcntl.flock(self._alive, fcntl.LOCK_SH)
        self._take()

    def number(self) -> int:
        """This process's number: no other living process has it."""
        if self._pid != os.getpid():
            # Some servers fork without telling Python.
            self._take()
            self._forked()
        return self._number

    def leave(self) -> None:
        """Let the next one have the number."""
        for lock in (self._held, self._alive):
            if lock is not None:
                os.close(lock)

    def _take(self) -> None:
        if self._held is not None:
            # The parent goes on holding its number by its own.
            os.close(self._held)
        self._pid = os.getpid()
        for number in itertools.count():
            lock = _open(self.path / f'{number}.lock')
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._held, self._number = lock, number
            break
        for kind in _KINDS:
            self._make(f'{kind}_{self._number}.db')

    def _make(self, name: str) -> None:
        """An empty file, whole from the moment that others see it."""
        final = self.path / name
        if final.exists():
            return
        draft = self.path / f'{name}.new'
        draft.write_bytes(bytes(_SIZE))
        draft.rename(final)

    def _clear(self) -> None:
        for pattern in ('*.db', '*.db.new'):
            for file in self.path.glob(pattern):
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
