# SPDX-License-Identifier: Apache-2.0
"""The operations that are measured, and the project they work on."""

from __future__ import annotations

from collections.abc import Iterator
import itertools
import json
import operator
import typing
import urllib.parse

from benchmarks import client, fill, wire

PAGE = 10
DEEP = 9990
FIRST = f'/v1/secrets?limit={PAGE}'
BY_OFFSET = f'{FIRST}&offset={DEEP}'

METADATA = 'metadata read'
PAYLOAD = 'payload read'
LIST = 'list of 10'
LIST_OFFSET = 'page 1000 by offset'
# In a project of 10,000 that is the last one, found from the other end.
LIST_LAST = 'last page by offset'
LIST_LINKS = 'page 1000 by links'
STORE = 'store'
DELETE = 'delete'
LISTS = (LIST, LIST_OFFSET, LIST_LAST, LIST_LINKS)
ALL = (METADATA, PAYLOAD, *LISTS, STORE, DELETE)
BESIDE = tuple(name for name in ALL if name != LIST_OFFSET)
CEILING = (PAYLOAD, STORE)

_EXPECT = {STORE: 201, DELETE: 204}


class Project:
    """One project of one service, with the secrets made in it."""

    def __init__(self, target: wire.Target, size: int = 32) -> None:
        self.target = target
        self.size = size
        self.ids: list[str] = []
        self._spare: list[str] = []
        self._deep = ''

    def fill(self, count: int) -> None:
        """Store secrets that reads will use; deletes leave them alone."""
        # Barbican fails when the first stores of a project come together.
        self.ids += fill.by_api(self.target, 1, self.size)
        self.ids += fill.by_api(self.target, count - 1, self.size)

    def requests(self, operation: str) -> Iterator[bytes]:
        """An endless iterator, but for a delete: what stores have left."""
        target = self.target
        if operation == STORE:
            return itertools.repeat(target.store(self.size))
        if operation == DELETE:
            return iter(
                [
                    target.request('DELETE', f'/v1/secrets/{secret}')
                    for secret in self._spare
                ]
            )
        if operation in LISTS:
            return itertools.repeat(target.get(self._page(operation)))
        suffix, accept = '', wire.JSON
        if operation == PAYLOAD:
            suffix, accept = '/payload', wire.OCTETS
        paths = (f'/v1/secrets/{secret}{suffix}' for secret in self.ids)
        return itertools.cycle([target.get(path, accept) for path in paths])

    def run(
        self,
        operation: str,
        connections: int,
        seconds: float,
        limit: int | None = None,
    ) -> client.Result:
        """One burst of the operation, of at most ``limit`` requests.

        Its answers are checked afterwards; a wrong one raises LoadError.
        """
        requests = self.requests(operation)
        result = client.drive(
            self.target,
            connections,
            seconds,
            requests if limit is None else itertools.islice(requests, limit),
            _EXPECT.get(operation, 200),
            keep_bodies=operation == STORE,
        )
        if operation == STORE:
            self._spare += [fill.secret_id(body) for body in result.bodies]
        elif operation == DELETE:
            left = operator.length_hint(requests)
            self._spare = self._spare[len(self._spare) - left :]
        else:
            self._check(operation, result.bodies)
        return result

    def _check(self, operation: str, bodies: list[bytes]) -> None:
        """Every sampled answer must be what the operation asked for."""
        if operation == PAYLOAD:
            right = all(body == wire.payload(self.size) for body in bodies)
        elif operation == METADATA:
            known = set(self.ids)
            right = all(fill.secret_id(body) in known for body in bodies)
        else:
            right = all(_is_page(json.loads(body)) for body in bodies)
        if not right:
            raise client.LoadError(f'{operation}: an answer is wrong')

    def _page(self, operation: str) -> str:
        if operation == LIST:
            return FIRST
        if operation in (LIST_OFFSET, LIST_LAST):
            return BY_OFFSET
        if not self._deep:
            self._deep = self._walk()
        return self._deep

    def _walk(self) -> str:
        """The path of the thousandth page as ``next`` links lead to it."""
        path = FIRST
        for _ in range(DEEP // PAGE):
            body = client.ask(self.target, self.target.get(path), 200)
            path = self.target.relative(json.loads(body)['next'])
            if _is_plain_offset(path):
                return BY_OFFSET
        return path


def _is_plain_offset(path: str) -> bool:
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    return query == {'limit': [str(PAGE)], 'offset': [str(PAGE)]}


def _is_page(body: dict[str, typing.Any]) -> bool:
    secrets = body['secrets']
    ids = {secret['secret_ref'] for secret in secrets}
    return len(ids) == PAGE and body['total'] >= PAGE
