# SPDX-License-Identifier: Apache-2.0
"""A payload that was put, of which the answer was lost."""

from collections.abc import Callable
import tempfile

from secretstore import errors
from secretstore.rpc.client import Client
from secretstore.rpc.dispatch import Dispatcher
from secretstore.rpc.interface import Conductor
from secretstore.rpc.sealing import Sealing
from secretstore.rpc.transport import Lacking
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
)
from secretstore.tests.unit.rpc.base import KEY, SECONDS

ME = context()
TEXT = 'text/plain'


class _Dies:
    """A transport whose first conductor dies; another is then asked.

    :param dying: what the first does before it dies
    """

    def __init__(
        self,
        dying: Callable[[bytes], object],
        other: Callable[[bytes], bytes],
    ) -> None:
        self._dying: Callable[[bytes], object] | None = dying
        self._other = other

    def call(
        self,
        request: Callable[[float], bytes],
        *,
        repeatable: bool,
        refused: Callable[[bytes], bool],
        lacking: Lacking | None = None,
        in_doubt: Callable[[], object] | None = None,
    ) -> bytes:
        body = request(SECONDS)
        if self._dying is not None:
            dying, self._dying = self._dying, None
            dying(body)
            if in_doubt is not None:
                in_doubt()
            if not repeatable:
                raise errors.ConductorUnavailable('It may have been executed')
        return self._other(body)


class _Base(ConductorTest):
    def setUp(self) -> None:
        super().setUp()
        self.secret_id = self.conductor.secrets.create(ME, new_secret())

    def handler(self) -> Callable[[bytes], bytes]:
        """A conductor of its own, so that nothing was seen before."""
        return Dispatcher(self.conductor, Sealing([KEY])).handle

    def remote(self, dying: Callable[[bytes], object]) -> Conductor:
        transport = _Dies(dying, self.handler())
        return Client(transport, Sealing([KEY])).conductor()

    def put_by_another(self, payload: bytes) -> None:
        self.conductor.secrets.put_payload(ME, self.secret_id, TEXT, payload)


class PutAgainTest(_Base):
    def stored(self) -> bytes:
        return self.conductor.secrets.payload(ME, self.secret_id).data

    def test_it_was_not_executed(self) -> None:
        remote = self.remote(lambda body: None)
        remote.secrets.put_payload(ME, self.secret_id, TEXT, b'mine')
        self.assertEqual(b'mine', self.stored())

    def test_it_was_executed(self) -> None:
        remote = self.remote(self.handler())
        remote.secrets.put_payload(ME, self.secret_id, TEXT, b'mine')
        self.assertEqual(b'mine', self.stored())

    def test_the_same_conductor_is_asked_again(self) -> None:
        handle = self.handler()
        remote = Client(_Dies(handle, handle), Sealing([KEY])).conductor()
        remote.secrets.put_payload(ME, self.secret_id, TEXT, b'mine')
        self.assertEqual(b'mine', self.stored())

    def test_somebody_else_was_faster(self) -> None:
        for payload, content_type in (
            (b'mine', TEXT),
            (b'theirs', 'application/octet-stream'),
        ):
            remote = self.remote(lambda body: None)
            if payload == b'mine':
                self.put_by_another(b'theirs')
            with self.assertRaises(errors.Conflict):
                remote.secrets.put_payload(
                    ME, self.secret_id, content_type, payload
                )
        self.assertEqual(b'theirs', self.stored())

    def test_without_doubt_the_second_is_refused(self) -> None:
        self.put_by_another(b'mine')
        handle = self.handler()
        remote = Client(_Dies(handle, handle), Sealing([KEY])).conductor()
        # The first call takes the fault.
        remote.secrets.get(ME, self.secret_id)
        with self.assertRaises(errors.Conflict):
            remote.secrets.put_payload(ME, self.secret_id, TEXT, b'mine')


class MayNotReadTest(_Base):
    @classmethod
    def setUpClass(cls) -> None:
        file = tempfile.NamedTemporaryFile('w', suffix='.yaml')
        cls.addClassCleanup(file.close)
        file.write('"secret:decrypt": "!"\n')
        file.flush()
        cls.configuration = f'[oslo_policy]\npolicy_file = {file.name}\n'
        super().setUpClass()

    def test_nothing_is_told_of_the_payload(self) -> None:
        for payload in (b'mine', b'other'):
            remote = self.remote(self.handler())
            with self.assertRaises(errors.Conflict):
                remote.secrets.put_payload(ME, self.secret_id, TEXT, payload)
