# SPDX-License-Identifier: Apache-2.0
"""Ends servers and removes their folders once the test process is gone.

Run as a program; reads one entry per line from standard input until the
writing end is closed, which the kernel does however the tests ended:

    +PGID      remember a process group
    -PGID      forget it, it was stopped in the ordinary way
    /FOLDER    remove this folder at the end

It lives in a session of its own, so an interrupt from the terminal that
ends the tests does not end it as well. Needs nothing but Python.
"""

from collections.abc import Iterable
import os
import shutil
import signal
import sys
import time


def read_entries(lines: Iterable[str]) -> tuple[set[int], set[str]]:
    """The groups and folders left when the last line has been read."""
    groups: set[int] = set()
    folders: set[str] = set()
    for line in lines:
        entry = line.rstrip('\n')
        if entry.startswith('+'):
            groups.add(int(entry[1:]))
        elif entry.startswith('-'):
            groups.discard(int(entry[1:]))
        elif entry.startswith('/'):
            folders.add(entry)
    return groups, folders


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups, folders = read_entries(sys.stdin)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if groups:
        # A database's own children notice a moment later that it died, and
        # may still write into the folder until then.
        time.sleep(1)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
