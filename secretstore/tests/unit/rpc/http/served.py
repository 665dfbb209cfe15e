# SPDX-License-Identifier: Apache-2.0
"""A server to be killed: answers with its process id, or when told to.

Prints its URL when it listens.  A body that begins with ``wait`` is written
to the file that follows and is never answered.
"""

import os
from pathlib import Path
import signal
import sys
import threading

from secretstore.rpc.http.server import HttpServer


def _handle(body: bytes) -> bytes:
    if body.startswith(b'wait '):
        with Path(body.removeprefix(b'wait ').decode()).open('a') as file:
            file.write(f'{os.getpid()}\n')
        threading.Event().wait()
    return str(os.getpid()).encode()


def main() -> None:
    server = HttpServer([sys.argv[1]], _handle)
    server.start()
    print(server.addresses[0], flush=True)
    signal.sigwait({signal.SIGTERM})
    sys.exit(0 if server.stop(5) else 1)


if __name__ == '__main__':
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
