# SPDX-License-Identifier: Apache-2.0
"""A conductor that was frozen, and finds what its callers have given up."""

from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
import contextlib
import importlib
import pathlib
import signal
import tempfile
import uuid

from oslo_config import cfg

from secretstore import errors
from secretstore.rpc import client, messaging
from secretstore.rpc.interface import Conductor
from secretstore.tests.functional import base
from secretstore.tests.functional.services import rabbitmq, split, system
from secretstore.tests.unit.conductor.base import (
    context,
    make_conf,
    text_secret,
)

# What a caller waits.
SECONDS = 2.0

Change = Callable[[Conductor], object]


class Changes:
    """Of one project: each is set to *first*, and later to *second*."""

    def __init__(self) -> None:
        self._context = context(project_id=uuid.uuid4().hex)
        self._ids = {
            name: str(uuid.uuid4()) for name in ('gone', 'kept', 'put')
        }

    def prepare(self, conductor: Conductor) -> None:
        for name in ('kept', 'put'):
            conductor.secrets.create(
                self._context, text_secret(), self._ids[name]
            )
        self._pair(conductor, 'none')

    def first(self) -> list[Change]:
        return [
            lambda on: on.secrets.create(
                self._context, text_secret(), self._ids['gone']
            ),
            lambda on: self._share(on, 'first'),
            lambda on: self._value(on, 'first'),
            lambda on: self._pair(on, 'first'),
            lambda on: on.secrets.delete(self._context, self._ids['put']),
        ]

    def second(self, conductor: Conductor) -> None:
        """By the other conductor, of what the caller was told nothing."""
        for change in self.first()[:-1]:
            change(conductor)
        conductor.secrets.delete(self._context, self._ids['gone'])
        self._share(conductor, 'second')
        self._value(conductor, 'second')
        self._pair(conductor, 'second')

    def found(self, conductor: Conductor) -> Mapping[str, object]:
        acl = conductor.secret_acls.get(self._context, self._ids['kept'])
        return {
            'gone': self._is_there(conductor, 'gone'),
            'put': self._is_there(conductor, 'put'),
            'users': acl and acl['users'],
            'metadata': conductor.secret_metadata.get_all(
                self._context, self._ids['kept']
            ),
        }

    def _is_there(self, conductor: Conductor, name: str) -> bool:
        try:
            conductor.secrets.get(self._context, self._ids[name])
        except errors.NotFound:
            return False
        return True

    def _share(self, conductor: Conductor, user: str) -> None:
        conductor.secret_acls.replace(
            self._context,
            self._ids['kept'],
            {'users': [user], 'project_access': None},
        )

    def _pair(self, conductor: Conductor, value: str) -> None:
        conductor.secret_metadata.replace(
            self._context, self._ids['kept'], {'key': value}
        )

    def _value(self, conductor: Conductor, value: str) -> None:
        conductor.secret_metadata.update(
            self._context, self._ids['kept'], 'key', value
        )


SECOND = {
    'gone': False,
    'put': True,
    'users': ['second'],
    'metadata': {'key': 'second'},
}


class FrozenTest(base.FunctionalTest):
    """Over HTTP: the caller goes to the other conductor."""

    each_has_requests_of_its_own = True

    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.service = self.made()
        self.service.prepare()
        self.frozen, self.other = self.service.conductors
        self.enterContext(self.frozen)

    def made(self) -> split.Split:
        return split.Split(self.new_database('mariadb'))

    def to(self, conductor: split.Conductor) -> Conductor:
        """What a caller has that asks this conductor."""
        return client.connect(self.conf(self.url(conductor)))

    def conf(self, url: str) -> cfg.ConfigOpts:
        return make_conf(
            self.folder,
            f'[DEFAULT]\ntransport_url = {url}\n',
            rpc__seal_key_file=str(self.service.seal_key),
            rpc__response_timeout=SECONDS,
        )

    def url(self, conductor: split.Conductor) -> str:
        return f'http://{conductor.endpoint}/'

    @contextlib.contextmanager
    def freeze(self) -> Iterator[None]:
        self.frozen.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.frozen.send(signal.SIGCONT)

    def test_what_was_given_up_is_not_done_later(self) -> None:
        changes = Changes()
        frozen = self.to(self.frozen)
        changes.prepare(frozen)
        found = changes.found(frozen)
        with self.freeze():
            self.give_up(frozen, changes.first())
            self.enterContext(self.other)
            if self.each_has_requests_of_its_own:
                changes.second(self.to(self.other))
                found = SECOND
        system.wait_for(
            'its log', lambda: '(LATE, ' in self.frozen.log_text(), 20
        )
        # It answers everything before it ends.
        self.frozen.stop()
        self.assertEqual(found, changes.found(self.to(self.other)))

    def give_up(self, conductor: Conductor, changes: list[Change]) -> None:
        with futures.ThreadPoolExecutor(len(changes)) as pool:
            for asked in [pool.submit(one, conductor) for one in changes]:
                with self.assertRaises(errors.ConductorUnavailable):
                    asked.result()


class FrozenOnTheBusTest(FrozenTest):
    """Over RabbitMQ, whose messages the frozen one has already."""

    each_has_requests_of_its_own = False

    def made(self) -> split.Split:
        self.bus = self.enterContext(rabbitmq.RabbitMQ())
        return split.Split(self.new_database('mariadb'), bus=self.bus)

    def url(self, conductor: split.Conductor) -> str:
        return self.bus.transport_url

    def conf(self, url: str) -> cfg.ConfigOpts:
        conf = super().conf(url)
        # oslo.messaging looks for some of its options in cfg.CONF only.
        messaging.library()
        fixture = importlib.import_module('oslo_messaging.conffixture')
        fixture.ConfFixture(conf)
        return conf
