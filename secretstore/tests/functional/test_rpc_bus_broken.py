# SPDX-License-Identifier: Apache-2.0
"""A broker that is gone too early, and conductors that lack something."""

from typing import Any

from secretstore import errors
from secretstore.rpc import connect
from secretstore.rpc.client import Client
from secretstore.rpc.interface import Conductor
from secretstore.tests.functional import test_rpc_bus
from secretstore.tests.functional.services import breaking, system
from secretstore.tests.unit.rpc.test_codec import Failing, Whatever

AWAY = errors.MasterKeyUnavailable('The HSM is away')
ONCE = b'secret_metadata.add'
AGAIN = b'secret_metadata.update'


class BrokenTest(test_rpc_bus.BusTest):
    def setUp(self) -> None:
        super().setUp()
        self.executed: list[tuple[Any, ...]] = []
        conductor: Any = Whatever()
        for name in ('add', 'update'):
            setattr(
                conductor.secret_metadata,
                name,
                lambda *args: self.executed.append(args),
            )
        # Neither knows what the other has executed.
        for _ in range(2):
            self.serve(self.dispatcher(conductor).handle)

    def breaking(self, marker: bytes) -> Conductor:
        way = self.enterContext(breaking.Breaking(self.broker.port, marker))
        url = f'rabbit://guest:guest@{system.HOST}:{way.port}/'
        return Client.from_conf(self.configured(url)).conductor()

    def test_what_must_not_be_repeated_is_executed_once(self) -> None:
        remote = self.breaking(ONCE)
        call = (self.context, 's', 'k', 'v')
        with self.assertRaisesRegex(
            errors.ConductorUnavailable, 'cannot be reached'
        ):
            remote.secret_metadata.add(*call)
        self.assertEqual([call[1:]], [each[1:] for each in self.executed])
        # Nothing has to be repeatable for the connection to be made anew.
        remote.secret_metadata.add(*call)
        self.assertEqual(2, len(self.executed))

    def test_what_may_be_repeated_has_an_answer(self) -> None:
        self.breaking(AGAIN).secret_metadata.update(
            self.context, 's', 'k', 'v'
        )
        self.assertGreaterEqual(len(self.executed), 1)

    def test_whoever_asks_is_told_of_the_doubt(self) -> None:
        way = self.enterContext(breaking.Breaking(self.broker.port, b'doubt'))
        url = f'rabbit://guest:guest@{system.HOST}:{way.port}/'
        doubts: list[int] = []
        transport = connect.transport(self.configured(url))
        answer = transport.call(
            lambda _: b'{"doubt": 1}',
            repeatable=True,
            refused=lambda _: False,
            in_doubt=lambda: doubts.append(1),
        )
        self.assertIn(b'-32600', answer)
        self.assertEqual([1], doubts)


class LackingTest(test_rpc_bus.BusTest):
    def test_another_has_what_one_lacks(self) -> None:
        self.serve(self.dispatcher(Failing(AWAY)).handle)
        remote = self.client()
        with self.assertRaisesRegex(errors.MasterKeyUnavailable, 'HSM'):
            remote.secret_metadata.get(self.context, 's', 'k')
        self.serve(self.dispatcher(Whatever('a')).handle)
        for _ in range(10):
            self.assertEqual(
                'a', remote.secret_metadata.get(self.context, 's', 'k')
            )
