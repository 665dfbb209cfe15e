# SPDX-License-Identifier: Apache-2.0
"""Secrets move to another custodian, and back, while the service is used.

Half of the service is killed half-way.  ``python -m benchmarks.migrate`` runs
it at any size.
"""

import time
import typing
import uuid

from oslo_config import cfg

from secretstore import conf as all_options
from secretstore.conductor import service
from secretstore.context import RequestContext
from secretstore.tests.functional import clients, forms, load
from secretstore.tests.functional.services import system, uwsgi, web

KEYS = '/workflow/v1/master-keys'
ADMIN = clients.noauth('admin', 'admin')


class Size(typing.NamedTuple):
    """How much there is, and how fast it is moved.

    idle is for how many seconds the load is measured before anything moves,
    cache how long project keys are kept in memory.
    """

    secrets: int
    projects: int
    batch_size: int = 50
    batch_interval: float = 0.5
    idle: float = 10
    cache: int = 2


class Step(typing.NamedTuple):
    """One migration, as it was seen from outside.

    killed_at is how many were to be moved when something was killed, if it
    was; lost counts the requests that a client had to repeat; idle and moving
    have the p50 and p99 of reads in seconds.
    """

    to: str
    victim: str
    seconds: float
    project_keys: int
    killed_at: int | None
    requests: int
    lost: int
    stored: int
    failures: dict[str, int]
    idle: tuple[float, float]
    moving: tuple[float, float]

    @property
    def slower(self) -> float:
        """The p99 of reads meanwhile, beside that of before."""
        return self.moving[1] / self.idle[1]

    def __str__(self) -> str:
        idle, moving = (
            f'p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms'
            for p50, p99 in (self.idle, self.moving)
        )
        killed = f'a {self.victim} killed with {self.killed_at} to go'
        if self.killed_at is None:
            killed = 'nothing killed'
        return (
            f'to {self.to}: {self.project_keys} project keys in '
            f'{self.seconds:.1f} s ({self.project_keys / self.seconds:.0f} '
            f'per second), {killed}; '
            f'{self.requests} requests, {sum(self.failures.values())} '
            f'failed {self.failures or ""}, {self.lost} repeated by the '
            f'client as their connection was lost; {self.stored} secrets '
            f'stored meanwhile; reads before: {idle}; meanwhile: {moving}, '
            f'{self.slower:.2f} times the p99 of before'
        )


def options(size: Size) -> uwsgi.Options:
    """What a service needs to be moved at this pace."""
    return {
        'conductor': {
            'key_cache_ttl': size.cache,
            'rewrap_batch_size': size.batch_size,
            'rewrap_batch_interval': size.batch_interval,
            'rewrap_interval': 1,
        }
    }


class Site:
    """A service that runs, the secrets in it, and what is done to it."""

    def __init__(self, form: forms.Form, size: Size) -> None:
        self._form = form
        self._size = size
        self.secrets: list[load.Secret] = []

    def fill(self) -> None:
        """Store secrets as a conductor does, without HTTP."""
        conf = cfg.ConfigOpts()
        all_options.register_opts(conf)
        file = self._form.config_file
        conf([], project='secretstore', default_config_files=[str(file)])
        # The other custodian is for the services.
        conf.set_override('enabled_security_strategies', [])
        conductor = service.build(conf).conductor
        projects = [uuid.uuid4().hex for _ in range(self._size.projects)]
        for number in range(self._size.secrets):
            project = projects[number % len(projects)]
            payload = f'payload {number} of {project}'
            secret_id = conductor.secrets.create(
                RequestContext(
                    user_id='u',
                    project_id=project,
                    roles=['member'],
                    overwrite=False,
                ),
                {
                    'name': None,
                    'secret_type': 'opaque',
                    'algorithm': None,
                    'bit_length': None,
                    'mode': None,
                    'expiration': None,
                    'content_type': load.TEXT,
                    'payload': payload.encode(),
                },
            )
            path = f'/v1/secrets/{secret_id}'
            self.secrets.append(load.Secret(project, path, payload))

    def migrate(self, strategy: str, *, kill: bool = True) -> Step:
        """Move everything.

        :param kill: a part of the service, when half of it is moved
        """
        urls, victim = self._form.urls, self._form.victim
        with load.Load(urls, self.secrets) as before:
            time.sleep(self._size.idle)
        with load.Load(urls, self.secrets) as clients_at_work:
            time.sleep(0.5)
            count = sum(self.under().values())
            began = time.monotonic()
            self._ask('migrate', {'to': strategy})
            killed_at = None
            if kill:
                killed_at = self._wait_for(count // 2)
                victim.kill()
            self._wait_for(0)
            took = time.monotonic() - began
        if kill:
            victim.start()
        self.secrets += before.stored + clients_at_work.stored
        failures = before.failures + clients_at_work.failures
        return Step(
            strategy,
            victim.name,
            took,
            count,
            killed_at,
            before.requests + clients_at_work.requests,
            clients_at_work.lost,
            len(clients_at_work.stored),
            dict(failures),
            _quantiles(before),
            _quantiles(clients_at_work),
        )

    def _wait_for(self, most: int) -> int:
        """Return when no more than that many are to be moved."""
        left: list[int] = []

        def reached() -> bool:
            left.append(self.to_do())
            return left[-1] <= most

        system.wait_for(f'{most} project keys to go', reached, 600)
        return left[-1]

    def to_do(self) -> int:
        return int(self._state()['rewrapping']['to_do'])

    def under(self) -> dict[str, int]:
        """How many project keys are under each strategy."""
        found: dict[str, int] = {}
        for key in self._state()['master_keys']:
            count = found.get(key['strategy'], 0) + key['project_keys']
            found[key['strategy']] = count
        return {name: count for name, count in found.items() if count}

    def retire_all_but(self, strategy: str) -> int:
        """Retire what has no project keys, and wait for its end."""
        retired = [
            key['id']
            for key in self._state()['master_keys']
            if key['strategy'] != strategy or key['state'] == 'replaced'
        ]
        for key_id in retired:
            self._ask(f'{key_id}/retire')
        system.wait_for(
            'the end of retired keys',
            self._all_destroyed,
            60 + self._size.cache,
        )
        return len(retired)

    def _ask(self, action: str, body: object = None) -> None:
        url = f'{self._form.urls[-1]}{KEYS}/{action}'
        answer = web.call('POST', url, body or {}, ADMIN)
        if answer.status != 202:
            raise system.Error(f'{action}: {answer.status} {answer.body!r}')

    def _all_destroyed(self) -> bool:
        states = [key['state'] for key in self._state()['master_keys']]
        return 'retired' not in states

    def _state(self) -> typing.Any:
        url = f'{self._form.urls[-1]}{KEYS}'
        answer = web.call('GET', url, headers=ADMIN)
        if answer.status != 200:
            raise system.Error(f'{url}: {answer.status} {answer.body!r}')
        return answer.json()

    def lost(self) -> list[str]:
        """Secrets that are not, under their ids, as they were stored."""
        connection = load.Connection(self._form.urls)
        return [
            secret.path
            for secret in self.secrets
            if connection.payload(secret) != (200, secret.payload.encode())
        ]


def _quantiles(clients_at_work: load.Load) -> tuple[float, float]:
    times = clients_at_work.reads
    return load.quantile(times, 0.5), load.quantile(times, 0.99)
