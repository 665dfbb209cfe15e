# SPDX-License-Identifier: Apache-2.0
"""Every resource beside secrets: the operations, and what they work on."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
import itertools
import json
import typing
import uuid

from benchmarks import client, operations, wire

MEMBERS = 10
ACL_USERS = 10
# Objects that reads go round, so that no row is always the same.
EACH = 40

CONTAINER_CREATE = 'container of 10 create'
CONTAINER = 'container of 10 read'
CONTAINER_LIST = 'list of 10 containers'
CONTAINER_DELETE = 'container delete'
CONSUMER_ADD = 'consumer add'
CONSUMER_LIST = 'consumer list'
CONSUMER_REMOVE = 'consumer remove'
ACL_SET = 'ACL set'
ACL = 'ACL read'
ACL_PAYLOAD = 'payload read under an ACL'
METADATA_SET = "users' metadata set"
METADATA = "users' metadata read"
ORDER = 'order of an AES key'
ORDER_READ = 'order read'
ORDER_LIST = 'list of 10 orders'
ORDER_DELETE = 'order delete'
QUOTAS = 'quotas read'
QUOTA_STORE = 'store under a quota'

# What makes comes before what removes what was made.
ALL = (
    CONTAINER_CREATE,
    CONTAINER,
    CONTAINER_LIST,
    CONTAINER_DELETE,
    CONSUMER_ADD,
    CONSUMER_LIST,
    CONSUMER_REMOVE,
    ACL_SET,
    ACL,
    ACL_PAYLOAD,
    METADATA_SET,
    METADATA,
    ORDER,
    ORDER_READ,
    ORDER_LIST,
    ORDER_DELETE,
    QUOTAS,
    QUOTA_STORE,
)
_EXPECT = {
    CONTAINER_CREATE: 201,
    CONTAINER_DELETE: 204,
    METADATA_SET: 201,
    ORDER: 202,
    ORDER_DELETE: 204,
    QUOTA_STORE: 201,
}
_ORDER = {
    'type': 'key',
    'meta': {
        'name': 'benchmark',
        'algorithm': 'aes',
        'bit_length': 256,
        'mode': 'cbc',
        'payload_content_type': wire.OCTETS,
    },
}


class Resources:
    """A project with some of each resource.

    Consumers are spread over many secrets, because the answer to an addition
    may hold all of a secret's consumers.
    """

    def __init__(
        self, project: operations.Project, limited: wire.Target, base: str
    ) -> None:
        """The project has secrets; that of *limited* has quotas."""
        self._target = project.target
        self._limited = limited
        self._base = base.rstrip('/')
        self._ids = project.ids
        self._made: dict[str, list[str]] = collections.defaultdict(list)
        self._consumers: list[tuple[str, bytes]] = []
        self._containers: list[str] = []
        self._orders: list[str] = []

    def prepare(self) -> None:
        """Make what reads will read; the project has secrets already."""
        for number in range(EACH):
            self._containers.append(self._make(self._container(number)))
            self._orders.append(self._make(self._order(), 202))
            for path, method, body in self._attached(self._ids[number]):
                self._ask(method, path, body, 201 if 'meta' in path else 200)

    def _attached(self, secret: str) -> Iterator[tuple[str, str, typing.Any]]:
        path = f'/v1/secrets/{secret}'
        yield f'{path}/acl', 'PUT', self._acl()
        yield f'{path}/metadata', 'PUT', self._metadata()

    def run(
        self,
        operation: str,
        connections: int,
        seconds: float,
        limit: int | None = None,
    ) -> client.Result:
        """One burst of the operation; a wrong answer raises LoadError."""
        requests = self._requests(operation)
        result = client.drive(
            self._target,
            connections,
            seconds,
            requests if limit is None else itertools.islice(requests, limit),
            _EXPECT.get(operation, 200),
            keep_bodies=operation in (CONTAINER_CREATE, ORDER),
        )
        if operation in (CONTAINER_CREATE, ORDER):
            self._made[operation] += [_ref_id(body) for body in result.bodies]
        else:
            self._check(operation, result.bodies)
        return result

    def _requests(self, operation: str) -> Iterator[bytes]:
        if operation in (CONTAINER_DELETE, CONSUMER_REMOVE, ORDER_DELETE):
            return self._removals(operation)
        if operation in (CONTAINER_CREATE, CONSUMER_ADD, ORDER, QUOTA_STORE):
            return self._additions(operation)
        return itertools.cycle(list(self._repeated(operation)))

    def _additions(self, operation: str) -> Iterator[bytes]:
        if operation == QUOTA_STORE:
            return itertools.repeat(self._limited.store())
        if operation == ORDER:
            return itertools.repeat(self._order())
        if operation == CONTAINER_CREATE:
            return itertools.cycle([self._container(n) for n in range(EACH)])
        return self._new_consumers()

    def _removals(self, operation: str) -> Iterator[bytes]:
        """Of what additions have left, each once."""
        if operation == CONSUMER_REMOVE:
            while self._consumers:
                path, body = self._consumers.pop()
                yield self._target.request('DELETE', path, body)
        kind, made = 'orders', self._made[ORDER]
        if operation == CONTAINER_DELETE:
            kind, made = 'containers', self._made[CONTAINER_CREATE]
        while made:
            yield self._target.request('DELETE', f'/v1/{kind}/{made.pop()}')

    def _new_consumers(self) -> Iterator[bytes]:
        for secret in itertools.cycle(self._ids):
            path = f'/v1/secrets/{secret}/consumers'
            body = json.dumps(
                {
                    'service': 'volume',
                    'resource_type': 'volumes',
                    'resource_id': str(uuid.uuid4()),
                }
            ).encode()
            self._consumers.append((path, body))
            yield self._target.request('POST', path, body)

    def _repeated(self, operation: str) -> Iterable[bytes]:
        get = self._target.get
        secrets = [f'/v1/secrets/{secret}' for secret in self._ids[:EACH]]
        reads = {
            CONTAINER: [f'/v1/containers/{c}' for c in self._containers],
            CONTAINER_LIST: ['/v1/containers?limit=10'],
            CONSUMER_LIST: [f'{secret}/consumers' for secret in secrets],
            ACL: [f'{secret}/acl' for secret in secrets],
            METADATA: [f'{secret}/metadata' for secret in secrets],
            ORDER_READ: [f'/v1/orders/{order}' for order in self._orders],
            ORDER_LIST: ['/v1/orders?limit=10'],
            QUOTAS: ['/v1/quotas'],
        }
        if operation in reads:
            return map(get, reads[operation])
        if operation == ACL_PAYLOAD:
            return [get(f'{path}/payload', wire.OCTETS) for path in secrets]
        part, body = 'acl', self._acl()
        if operation == METADATA_SET:
            part, body = 'metadata', self._metadata()
        text = json.dumps(body).encode()
        return [
            self._target.request('PUT', f'{path}/{part}', text)
            for path in secrets
        ]

    def _container(self, number: int) -> bytes:
        first = number % (len(self._ids) - MEMBERS)
        refs = [
            {'name': f'key {i}', 'secret_ref': f'{self._base}/v1/secrets/{s}'}
            for i, s in enumerate(self._ids[first : first + MEMBERS])
        ]
        body = {'type': 'generic', 'name': 'benchmark', 'secret_refs': refs}
        return self._post('/v1/containers', body)

    def _order(self) -> bytes:
        return self._post('/v1/orders', _ORDER)

    def _post(self, path: str, body: typing.Any) -> bytes:
        return self._target.request('POST', path, json.dumps(body).encode())

    @staticmethod
    def _acl() -> dict[str, typing.Any]:
        users = [f'{number:032x}' for number in range(ACL_USERS)]
        return {'read': {'users': users, 'project-access': True}}

    @staticmethod
    def _metadata() -> dict[str, typing.Any]:
        return {'metadata': {f'key{n}': f'value {n}' for n in range(5)}}

    def _make(self, request: bytes, expect: int = 201) -> str:
        return _ref_id(client.ask(self._target, request, expect))

    def _ask(
        self, method: str, path: str, body: typing.Any, expect: int
    ) -> None:
        text = json.dumps(body).encode()
        client.ask(
            self._target, self._target.request(method, path, text), expect
        )

    def _check(self, operation: str, bodies: list[bytes]) -> None:
        """Every sampled answer of a read must be what was asked for."""
        right = True
        if operation == ACL_PAYLOAD:
            right = all(body == wire.payload(32) for body in bodies)
        elif operation == CONTAINER:
            found = [json.loads(body)['secret_refs'] for body in bodies]
            right = all(len(refs) == MEMBERS for refs in found)
        elif operation == ORDER_READ:
            found = [json.loads(body)['status'] for body in bodies]
            right = all(status == 'ACTIVE' for status in found)
        elif operation in (CONTAINER_LIST, ORDER_LIST):
            name = operation.rsplit(' ', 1)[1]
            right = all(len(json.loads(b)[name]) == 10 for b in bodies)
        if not right:
            raise client.LoadError(f'{operation}: an answer is wrong')


def _ref_id(body: bytes) -> str:
    (ref,) = json.loads(body).values()
    return str(ref).rsplit('/', 1)[1]


def set_quota(target: wire.Target, project_id: str, secrets: int) -> None:
    """Limit what a project may store, far above what a run stores."""
    body = json.dumps({'project_quotas': {'secrets': secrets}}).encode()
    path = f'/v1/project-quotas/{project_id}'
    client.ask(target, target.request('PUT', path, body), 204)
