# SPDX-License-Identifier: Apache-2.0
"""A reverse proxy in the test's own process, which counts what passes it."""

from http import server
import threading
import typing

from secretstore.tests.functional.services import system, web

_DROPPED = {'host', 'connection', 'content-length', 'transfer-encoding'}


class Proxy:
    """Passes requests below its own path on to another server.

    paths are those of the requests that came, in order, as the server behind
    saw them; statuses are those of its answers.
    """

    def __init__(self, behind: str, prefix: str = '') -> None:
        self.port = system.free_port()
        self.url = f'http://{system.HOST}:{self.port}{prefix}'
        self.paths: list[str] = []
        self.statuses: list[int] = []
        self.behind = behind
        self.prefix = prefix
        self._server = server.ThreadingHTTPServer(
            (system.HOST, self.port), self._handler()
        )
        self._server.daemon_threads = True

    def _handler(self) -> type[server.BaseHTTPRequestHandler]:
        proxy = self

        class Handler(server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def _pass(self) -> None:
                proxy.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = _pass

            def log_message(self, *unused: object) -> None:
                """The test looks at paths."""

        return Handler

    def answer(self, request: server.BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get('Content-Length') or 0)
        body = request.rfile.read(length) if length else None
        path = request.path.removeprefix(self.prefix)
        self.paths.append(path)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _DROPPED
        }
        try:
            answer = web.call(
                request.command, self.behind + path, body, headers
            )
        except OSError:
            # As if there were nothing in between.
            request.close_connection = True
            return
        self.statuses.append(answer.status)
        request.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name not in _DROPPED:
                request.send_header(name, value)
        content = self.altered(path, answer.body)
        request.send_header('Content-Length', str(len(content)))
        # So that nobody gets through when this one is gone.
        request.send_header('Connection', 'close')
        request.end_headers()
        request.wfile.write(content)

    def altered(self, path: str, body: bytes) -> bytes:  # noqa: ARG002
        """What is passed on of the answer's body; here, all of it."""
        return body

    def __enter__(self) -> typing.Self:
        threading.Thread(
            target=self._server.serve_forever, daemon=True
        ).start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._server.server_close()
