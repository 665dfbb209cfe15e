# SPDX-License-Identifier: Apache-2.0
"""How long a socket waits."""

import socket
import ssl
import struct

# What is raised when the time is over.
OVER = (TimeoutError, BlockingIOError)


def bound(sock: socket.socket, seconds: float) -> None:
    """Let each receiving and sending fail after so many seconds.

    Of a plain socket the kernel takes care.  For TLS it is Python, which has
    the socket polled first each time: two system calls more per request.
    """
    seconds = max(seconds, 0.001)
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(seconds)
        return
    sock.settimeout(None)
    limit = struct.pack('ll', int(seconds), int(seconds % 1 * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
