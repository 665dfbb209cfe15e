# SPDX-License-Identifier: Apache-2.0
"""What every security strategy must do, whoever wrote it.

::

    class MyStrategyTest(StrategyContract, unittest.TestCase):
        def build(self):
            return MyStrategy(self.conf)

What there is about keys by name is in ``delivery`` beside it.
"""

from concurrent import futures
import threading

from secretstore import errors
from secretstore.crypto import aead, binding
from secretstore.security import workflow
from secretstore.tests.contract import delivery

HERE = binding.binding('project key', 'project', 'key')
THERE = binding.binding('project key', 'project', 'other key')


class StrategyContract(delivery.DeliveryContract):
    """A mixin for TestCase; ``build`` is all that it needs.

    A strategy with ``find_master_key`` has ``made_elsewhere`` as well.
    """

    def made_elsewhere(self) -> str | None:
        """The name of one more key that was made without the strategy."""
        return None

    def setUp(self) -> None:
        super().setUp()
        self.strategy = self.started()
        self.reference = self.strategy.create_master_key()
        self.key = aead.generate_key()

    def started(self) -> workflow.BaseSecurityWorkflow:
        strategy = self.build()
        strategy.start()
        self.addCleanup(strategy.stop)
        return strategy

    def assert_corrupt(
        self, wrapped: bytes, binding: bytes = HERE, reference: str = ''
    ) -> None:
        with self.assertRaises(errors.Corrupt):
            self.strategy.unwrap(reference or self.reference, wrapped, binding)

    def test_is_a_workflow(self) -> None:
        self.assertIsInstance(self.strategy, workflow.BaseSecurityWorkflow)

    def test_building_one_starts_nothing(self) -> None:
        before = threading.active_count()
        self.build()
        self.assertEqual(before, threading.active_count())

    def test_unwrap_gives_the_key_back(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        self.assertEqual(
            self.key, self.strategy.unwrap(self.reference, wrapped, HERE)
        )

    def test_the_wrapped_key_hides_the_key(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        for start in range(0, 32, 8):
            self.assertNotIn(self.key[start : start + 8], wrapped)

    def test_another_process_can_unwrap(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        other = self.started()
        self.assertEqual(self.key, other.unwrap(self.reference, wrapped, HERE))

    def test_survives_a_restart(self) -> None:
        strategy = self.build()
        strategy.start()
        wrapped = strategy.wrap(self.reference, self.key, HERE)
        strategy.stop()
        self.assertEqual(
            self.key, self.strategy.unwrap(self.reference, wrapped, HERE)
        )

    def test_wrong_binding(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        for wrong in (THERE, b'', HERE[:-1], HERE + b'\0'):
            with self.subTest(wrong):
                self.assert_corrupt(wrapped, wrong)

    def test_blob_of_another_master_key(self) -> None:
        other = self.strategy.create_master_key()
        wrapped = self.strategy.wrap(other, self.key, HERE)
        self.assert_corrupt(wrapped)

    def test_foreign_blob(self) -> None:
        size = len(self.strategy.wrap(self.reference, self.key, HERE))
        foreign = [b'', b'\0', b'\1', bytes(size), b'\1' * size]
        foreign += [aead.generate_key(), aead.generate_key() * 4]
        for blob in foreign:
            with self.subTest(blob.hex()):
                self.assert_corrupt(blob)

    def test_changed_blob(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        for at in range(len(wrapped)):
            changed = bytearray(wrapped)
            changed[at] ^= 1 << at % 8
            with self.subTest(at=at):
                self.assert_corrupt(bytes(changed))
        self.assert_corrupt(wrapped[:-1])
        self.assert_corrupt(wrapped + b'\0')

    def test_references_differ_and_can_be_stored(self) -> None:
        references = {self.strategy.create_master_key() for _ in range(5)}
        self.assertEqual(5, len(references))
        for reference in references:
            self.assertTrue(0 < len(reference) <= 255, reference)

    def test_destroyed_key(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        self.strategy.destroy_master_key(self.reference)
        for strategy in (self.strategy, self.started()):
            with self.assertRaises(errors.MasterKeyNotFound):
                strategy.unwrap(self.reference, wrapped, HERE)
            with self.assertRaises(errors.MasterKeyNotFound):
                strategy.wrap(self.reference, self.key, HERE)
            with self.assertRaises(errors.MasterKeyNotFound):
                strategy.destroy_master_key(self.reference)

    def test_destroying_one_leaves_the_others(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        self.strategy.destroy_master_key(self.strategy.create_master_key())
        self.assertEqual(
            self.key, self.strategy.unwrap(self.reference, wrapped, HERE)
        )

    def test_unknown_reference(self) -> None:
        wrapped = self.strategy.wrap(self.reference, self.key, HERE)
        unknown = ['', 'x', '/', '..', '../x', 'x\0y', self.reference * 2]
        unknown += [self.reference[:-1], self.reference + '\n', 'é' * 300]
        for reference in unknown:
            with self.subTest(reference):
                with self.assertRaises(errors.MasterKeyNotFound):
                    self.strategy.unwrap(reference, wrapped, HERE)
                with self.assertRaises(errors.MasterKeyNotFound):
                    self.strategy.wrap(reference, self.key, HERE)
                with self.assertRaises(errors.MasterKeyNotFound):
                    self.strategy.destroy_master_key(reference)

    def test_check(self) -> None:
        self.strategy.check()

    def test_32_threads_at_once(self) -> None:
        start = threading.Barrier(32)

        def work(number: int) -> bool:
            key, mine = aead.generate_key(), b'%d' % number
            start.wait(30)
            wrapped = [
                self.strategy.wrap(self.reference, key, mine) for _ in range(5)
            ]
            return all(
                self.strategy.unwrap(self.reference, one, mine) == key
                for one in wrapped
            )

        with futures.ThreadPoolExecutor(32) as pool:
            self.assertEqual([True] * 32, list(pool.map(work, range(32))))

    def test_master_keys_made_by_threads_at_once(self) -> None:
        with futures.ThreadPoolExecutor(8) as pool:
            made = [
                pool.submit(self.strategy.create_master_key) for _ in range(8)
            ]
            references = {each.result() for each in made}
        self.assertEqual(8, len(references))
        for reference in references:
            wrapped = self.strategy.wrap(reference, self.key, HERE)
            self.assertEqual(
                self.key, self.strategy.unwrap(reference, wrapped, HERE)
            )

    def test_find_a_key_that_was_made_elsewhere(self) -> None:
        name = self.made_elsewhere()
        if name is None:
            self.assert_finds_none()
            return
        found = self.strategy.find_master_key(name)
        self.assertTrue(0 < len(found) <= 255, found)
        self.assertEqual(found, self.started().find_master_key(name))
        wrapped = self.strategy.wrap(found, self.key, HERE)
        self.assertEqual(self.key, self.strategy.unwrap(found, wrapped, HERE))
        # It is that very key, and no other.
        other = self.made_elsewhere()
        assert other is not None
        self.assertNotEqual(found, self.strategy.find_master_key(other))
        self.assert_corrupt(wrapped)
        with self.assertRaises(errors.MasterKeyNotFound):
            self.strategy.find_master_key('no-such-key')

    def assert_finds_none(self) -> None:
        """Not even those that it makes."""
        for name in ('no-such-key', self.reference):
            with self.assertRaises(errors.InvalidInput):
                self.strategy.find_master_key(name)

    def test_find_among_threads(self) -> None:
        name = self.made_elsewhere()
        if name is None:
            self.assert_finds_none()
            return
        with futures.ThreadPoolExecutor(8) as pool:
            found = pool.map(self.strategy.find_master_key, [name] * 8)
            self.assertEqual(1, len(set(found)))

    def test_a_found_key_is_destroyed_as_others_are(self) -> None:
        name = self.made_elsewhere()
        if name is None:
            self.assert_finds_none()
            return
        found = self.strategy.find_master_key(name)
        wrapped = self.strategy.wrap(found, self.key, HERE)
        self.strategy.destroy_master_key(found)
        with self.assertRaises(errors.MasterKeyNotFound):
            self.strategy.find_master_key(name)
        with self.assertRaises(errors.MasterKeyNotFound):
            self.strategy.unwrap(found, wrapped, HERE)
