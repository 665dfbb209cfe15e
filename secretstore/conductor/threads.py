# SPDX-License-Identifier: Apache-2.0
"""Threads beside those that answer requests."""

import signal
import threading


def start(thread: threading.Thread) -> None:
    """Start a thread that gets no signals.

    uWSGI ends a worker from within its signal handler, which waits for ever
    when that is run by a thread of ours.

    :raises RuntimeError: when there is no thread to be had
    """
    # A thread has the mask of the one that starts it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
