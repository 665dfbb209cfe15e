# SPDX-License-Identifier: Apache-2.0
"""Threads beside those that answer requests."""

from collections.abc import Iterator
import contextlib
import signal
import threading


def start(thread: threading.Thread) -> None:
    """Start a thread that gets no signals.

    :raises RuntimeError: when there is no thread to be had
    """
    with no_signals():
        thread.start()


@contextlib.contextmanager
def no_signals() -> Iterator[None]:
    """Threads started meanwhile get no signals.

    uWSGI ends a worker from within its signal handler, which waits for ever
    when that is run by a thread of ours.
    """
    # A thread has the mask of the one that starts it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
