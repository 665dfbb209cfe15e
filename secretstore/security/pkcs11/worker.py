# SPDX-License-Identifier: Apache-2.0
"""The program that holds a vendor's library, and one session with a token.

``python -P -m secretstore.security.pkcs11.worker SOCKET LIFELINE`` with the
numbers of two inherited files.  It answers one request after the other on
the socket, in one thread, and keeps no key between two of them.  It dies
with the service: the kernel kills it when the other end of the lifeline is
closed, also while the library hangs.
"""

import ctypes
import fcntl
import os
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING

from secretstore.security.pkcs11 import messages

if TYPE_CHECKING:
    from secretstore.security.pkcs11 import token

_PR_SET_DUMPABLE = 4


def main() -> None:
    """Answer requests until there are no more."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _die_with(int(sys.argv[2]))
    # Nobody may look into this memory, nor is it ever written to a disk.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # The thread that started this process may get no signals.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _serve(connection)
    except (EOFError, OSError):
        # The service closed its end. What a library does when Python ends
        # is nobody's business any more.
        os._exit(0)


def _die_with(lifeline: int) -> None:
    """Have the kernel kill this process when nobody holds the other end.

    A parent-death signal would come when the thread ends that happened to
    start this process.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    # It may have been closed before.
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)


def _serve(connection: socket.socket) -> None:
    opened = _opened(connection)
    if isinstance(opened, messages.Failed):
        messages.send(connection, opened)
        return
    try:
        messages.send(connection, messages.Done())
        while True:
            request = messages.receive_request(connection)
            messages.send(connection, opened.answer(request))
            del request
    finally:
        opened.close()


def _opened(connection: socket.socket) -> 'token.Token | messages.Failed':
    request = messages.receive_request(connection)
    if not isinstance(request, messages.Find):
        raise EOFError
    try:
        # Here, so that whoever lacks the package is told.
        from secretstore.security.pkcs11 import finding, token
    except ImportError as exc:
        return messages.Failed(
            'refused',
            f'the Python package python-pkcs11 is not installed ({exc}): '
            f'pip install secretstore[pkcs11]',
        )
    found = finding.found(request)
    if isinstance(found, messages.Failed):
        return found
    messages.send(connection, found.describe())
    # The service reads the PIN only now that somebody is there to take it.
    request = messages.receive_request(connection)
    if not isinstance(request, messages.LogIn):
        raise EOFError
    return token.opened(found, request)


if __name__ == '__main__':
    main()
