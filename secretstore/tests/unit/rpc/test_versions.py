# SPDX-License-Identifier: Apache-2.0
"""Two releases work together: API and conductor, whichever is newer."""

from collections.abc import Callable, Mapping
import copy
import itertools
import json
from typing import Any
import unittest

from secretstore import errors
from secretstore.rpc import interface
from secretstore.rpc.client import Client
from secretstore.rpc.codec import METHODS, Method
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.rpc.refusals import Cause
from secretstore.tests.unit.api import (
    test_containers,
    test_payloads,
    test_secret_metadata,
)
from secretstore.tests.unit.conductor import test_orders
from secretstore.tests.unit.conductor.base import context, text_secret
from secretstore.tests.unit.rpc import snapshot
from secretstore.tests.unit.rpc.base import Memory
from secretstore.tests.unit.rpc.test_codec import Whatever

FIRST = snapshot.methods_of('1.0')


class SnapshotTest(unittest.TestCase):
    def test_a_change_needs_a_version(self) -> None:
        self.assertEqual(
            snapshot.load(interface.VERSION),
            snapshot.present(),
            'The interface has changed: after a release, raise VERSION in '
            'rpc/interface/version.py; then write the snapshot with python '
            '-m secretstore.tests.unit.rpc.snapshot',
        )

    def test_each_version_only_adds(self) -> None:
        versions = sorted(interface.versions_until(interface.VERSION))
        self.assertEqual(['1.0', '1.1'], versions)
        for old, new in itertools.pairwise(versions):
            self.assertEqual(
                [], snapshot.breaks(snapshot.load(old), snapshot.load(new))
            )

    def test_what_would_break_is_found(self) -> None:
        for change, words in (
            (
                lambda new, types: new['methods'].pop('secrets.get'),
                'secrets.get is gone',
            ),
            (
                lambda new, types: types['SecretView']['properties'].pop('id'),
                'id is gone',
            ),
            (
                lambda new, types: types['SecretView']['required'].pop(),
                'required',
            ),
            (
                lambda new, types: types['NewSecret']['required'].append('x'),
                'required',
            ),
            (
                lambda new, types: types['SecretView']['properties'].update(
                    id={'type': 'integer'}
                ),
                'string is now integer',
            ),
            (
                lambda new, types: new['methods']['secrets.get'].update(
                    result={'type': 'null'}
                ),
                'is now',
            ),
        ):
            self.assertIn(words, ' '.join(self.broken_by(change)))

    def test_what_is_added_breaks_nothing(self) -> None:
        def add(new: Any, types: Any) -> None:
            types['SecretView']['properties']['more'] = {'type': 'string'}
            types['SecretView']['required'].append('more')
            types['NewSecret']['properties']['more'] = {'type': 'string'}
            new['methods']['secrets.more'] = {}

        self.assertEqual([], self.broken_by(add))

    def broken_by(self, change: Callable[[Any, Any], Any]) -> list[str]:
        old = snapshot.load('1.0')
        new = copy.deepcopy(old)
        change(new, new['types'])
        return snapshot.breaks(old, new)


class OldConductor(unittest.TestCase):
    """For tests: the API is new and capped, the conductor of version 1.0."""

    @classmethod
    def reached(cls, conductor: Conductor) -> Conductor:
        old = Dispatcher(conductor, methods=FIRST, version='1.0')
        transport = Memory(lambda body: old.handle(only(FIRST, body)))
        return Client(transport, version='1.0').conductor()


class OldApi(unittest.TestCase):
    """For tests: the API is of version 1.0, the conductor new."""

    @classmethod
    def reached(cls, conductor: Conductor) -> Conductor:
        transport = Memory(Dispatcher(conductor).handle)
        return Client(transport, methods=FIRST, version='1.0').conductor()


def only(methods: Mapping[str, Method], body: bytes) -> bytes:
    """The request, which has nothing that these methods do not have."""
    request = json.loads(body)
    method = methods[request['method']]
    extra = {*request['params']} - {'context', 'rpc.version', 'rpc.deadline'}
    assert extra <= {*method.arguments}, extra
    return body


for _mixture in (OldConductor, OldApi):
    for _base in (
        test_containers.ContainersTest,
        test_payloads.PutPayloadTest,
        test_secret_metadata.SecretMetadataTest,
        test_orders.TestKeys,
    ):
        _name = f'{_mixture.__name__}{_base.__name__}'
        globals()[_name] = type(
            _name, (_mixture, _base), {'__module__': __name__}
        )
del _base, _mixture


class RefusalTest(unittest.TestCase):
    def test_a_newer_caller_without_a_cap_is_told(self) -> None:
        conductor = Whatever('id')
        old = Dispatcher(conductor, methods=FIRST, version='1.0')  # type: ignore[arg-type]
        transport = Memory(old.handle)
        remote = Client(transport).conductor()
        with (
            self.assertLogs('secretstore.rpc.refusals', 'WARNING') as logs,
            self.assertRaises(errors.ConductorUnavailable),
        ):
            remote.secrets.create(context(), text_secret())
        self.assertIn('version_cap = 1.0', logs.output[0])
        self.assertEqual((), conductor.called)
        self.assertEqual(1, old.refusals.counts()[Cause.VERSION])

    def test_of_two_conductors_the_newer_one_is_found(self) -> None:
        old = Dispatcher(Whatever('old'), methods=FIRST, version='1.0')  # type: ignore[arg-type]
        new = Dispatcher(Whatever('new'))  # type: ignore[arg-type]
        remote = Client(Memory(old.handle, new.handle)).conductor()
        with self.assertLogs('secretstore.rpc.refusals', 'WARNING'):
            created = remote.secrets.create(context(), text_secret())
        self.assertEqual('new', created)

    def test_the_first_version_is_a_part_of_this_one(self) -> None:
        self.assertLessEqual({*FIRST}, {*METHODS})
        self.assertEqual(['secret'], FIRST['secrets.create'].arguments)
