# SPDX-License-Identifier: Apache-2.0
"""Clients that read and store secrets on two servers, whatever happens."""

import collections
import http.client
import random
import secrets
import threading
import time
import typing
import urllib.parse

from secretstore.tests.functional import clients

TEXT = 'text/plain'
_JSON = 'application/json'


class Secret(typing.NamedTuple):
    """Where a secret is, below any server's address, and its payload."""

    project: str
    path: str
    payload: str


class Load:
    """Threads with one request each in flight, until told to stop.

    Each keeps a connection to one of the servers.  A connection that is lost
    is made anew, to another server, and the request repeated there; that is
    counted in *lost*.  An answer that is not the right one is in *failures*.
    """

    def __init__(
        self,
        urls: typing.Sequence[str],
        known: typing.Sequence[Secret],
        readers: int = 3,
        writers: int = 1,
    ) -> None:
        self.stored: list[Secret] = []
        self.failures: collections.Counter[str] = collections.Counter()
        self.lost = 0
        self.reads: list[float] = []
        self.writes: list[float] = []
        self._urls = urls
        self._known = known
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number, work))
            for number, work in enumerate(
                [self._read] * readers + [self._write] * writers
            )
        ]

    def __enter__(self) -> typing.Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def requests(self) -> int:
        """How many were answered as they should be."""
        return len(self.reads) + len(self.writes)

    def _work(
        self, number: int, work: typing.Callable[['Connection'], None]
    ) -> None:
        connection = Connection(self._urls, number)
        while not self._stop.is_set():
            try:
                work(connection)
            except (OSError, http.client.HTTPException):
                self.lost += 1
                connection.change()

    def _read(self, connection: 'Connection') -> None:
        secret = random.choice(self._known)  # noqa: S311
        began = time.perf_counter()
        status, body = connection.payload(secret)
        took = time.perf_counter() - began
        if status == 200 and body == secret.payload.encode():
            self.reads.append(took)
        else:
            self.failures[f'read {status}'] += 1

    def _write(self, connection: 'Connection') -> None:
        project = random.choice(self._known).project  # noqa: S311
        payload = secrets.token_hex(20)
        began = time.perf_counter()
        status, body = connection.store(project, payload)
        took = time.perf_counter() - began
        if status == 201:
            self.writes.append(took)
            path = body.decode().partition('/v1/')[2].partition('"')[0]
            self.stored.append(Secret(project, f'/v1/{path}', payload))
        else:
            self.failures[f'write {status}'] += 1


class Connection:
    """Kept alive to one of several servers."""

    def __init__(self, urls: typing.Sequence[str], first: int = 0) -> None:
        self._addresses = [urllib.parse.urlsplit(url) for url in urls]
        self._turn = first
        self._open()

    def _open(self) -> None:
        address = self._addresses[self._turn % len(self._addresses)]
        self._http = http.client.HTTPConnection(
            address.hostname or '', address.port, timeout=60
        )

    def change(self) -> None:
        """Go on with the next server."""
        self._http.close()
        self._turn += 1
        self._open()

    def payload(self, secret: Secret) -> tuple[int, bytes]:
        return self._ask(
            'GET', f'{secret.path}/payload', secret.project, Accept=TEXT
        )

    def store(self, project: str, payload: str) -> tuple[int, bytes]:
        body = f'{{"payload": "{payload}", "payload_content_type": "{TEXT}"}}'
        return self._ask(
            'POST', '/v1/secrets', project, body, Content_Type=_JSON
        )

    def _ask(
        self,
        method: str,
        path: str,
        project: str,
        body: str | None = None,
        **more: str,
    ) -> tuple[int, bytes]:
        headers = clients.noauth(project) | {
            name.replace('_', '-'): value for name, value in more.items()
        }
        self._http.request(method, path, body, headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()


def quantile(times: typing.Sequence[float], share: float) -> float:
    """The time in seconds that a share of them took at most."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
