# SPDX-License-Identifier: Apache-2.0
from concurrent import futures
import threading
import uuid

from secretstore import errors
from secretstore.crypto import binding
from secretstore.keys import hierarchy
from secretstore.tests.unit.keys import world

ROW = binding.binding('secret', 'p1', 'one')
OTHER_ROW = binding.binding('secret', 'p1', 'two')


class Base(world.WorldTest):
    def setUp(self) -> None:
        super().setUp()
        self.custodian = self.strategy()
        self.keys_of_one = self.hierarchy(self.custodian)
        self.keys_of_one.start()
        self.addCleanup(self.keys_of_one.stop)

    def start_counting(self) -> None:
        self.custodian.calls.clear()
        self.statements.count = 0

    def another_conductor(self) -> hierarchy.KeyHierarchy:
        other = self.hierarchy(self.custodian)
        other.start()
        return other

    def project_keys(self) -> list[tuple[str, str]]:
        return [
            (str(key), str(project))
            for key, project in self.sql(
                'SELECT id, project_id FROM project_keys'
            )
        ]


class RoundTripTest(Base):
    def test_seal_and_open(self) -> None:
        for payload in (b'', b'payload', bytes(20000)):
            sealed = self.keys_of_one.seal('p1', payload, ROW)
            self.assertEqual(
                payload, self.keys_of_one.open('p1', sealed.record, ROW)
            )

    def test_names_the_project_key(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        self.assertEqual([(sealed.project_key_id, 'p1')], self.project_keys())

    def test_one_key_per_project(self) -> None:
        ids = {
            (project, self.keys_of_one.seal(project, b'', ROW).project_key_id)
            for project in ('p1', 'p2', 'p1', 'P1', 'p1 ', 'é')
        }
        self.assertEqual(5, len(ids))
        self.assertEqual(
            ids, {(project, key) for key, project in self.project_keys()}
        )

    def test_another_conductor_opens(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        other = self.another_conductor()
        self.assertEqual(b'payload', other.open('p1', sealed.record, ROW))
        self.assertEqual(
            sealed.project_key_id, other.seal('p1', b'', ROW).project_key_id
        )

    def test_stop_forgets(self) -> None:
        self.keys_of_one.seal('p1', b'', ROW)
        self.keys_of_one.stop()
        self.start_counting()
        self.keys_of_one.seal('p1', b'', ROW)
        self.assertEqual({'unwrap': 1}, self.custodian.calls)


class RefusalTest(Base):
    def setUp(self) -> None:
        super().setUp()
        self.sealed = self.keys_of_one.seal('p1', b'payload', ROW)

    def assert_corrupt(
        self, project: str, record: bytes, row: bytes = ROW
    ) -> None:
        for keys in (self.keys_of_one, self.another_conductor()):
            with self.assertRaises(errors.Corrupt):
                keys.open(project, record, row)

    def test_another_row(self) -> None:
        self.assert_corrupt('p1', self.sealed.record, OTHER_ROW)

    def test_another_project(self) -> None:
        self.assert_corrupt('p2', self.sealed.record)
        self.keys_of_one.seal('p2', b'', ROW)
        self.assert_corrupt('p2', self.sealed.record)

    def test_a_project_key_that_does_not_exist(self) -> None:
        record = self.sealed.record
        unknown = record[:1] + uuid.uuid4().bytes + record[17:]
        self.assert_corrupt('p1', unknown)

    def test_changed_record(self) -> None:
        for at in (0, 5, 30, 85, len(self.sealed.record) - 1):
            changed = bytearray(self.sealed.record)
            changed[at] ^= 1
            with self.subTest(at=at):
                self.assert_corrupt('p1', bytes(changed))
        self.assert_corrupt('p1', b'')

    def test_swapped_project_keys(self) -> None:
        """A wrapped key that was copied to another row opens nothing."""
        other = self.keys_of_one.seal('p2', b'', ROW)
        self.sql(
            'UPDATE project_keys SET wrapped_key = (SELECT wrapped_key '
            'FROM project_keys WHERE id = :other) WHERE id = :mine',
            other=other.project_key_id,
            mine=self.sealed.project_key_id,
        )
        with self.assertRaises(errors.Corrupt):
            self.another_conductor().open('p1', self.sealed.record, ROW)

    def test_a_project_key_given_to_another_project(self) -> None:
        self.sql("UPDATE project_keys SET project_id = 'p2'")
        with self.assertRaises(errors.Corrupt):
            self.another_conductor().open('p2', self.sealed.record, ROW)


class CostTest(Base):
    def test_warm_cache_asks_nobody(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        self.start_counting()
        for _ in range(10):
            self.keys_of_one.open('p1', sealed.record, ROW)
            self.keys_of_one.seal('p1', b'payload', ROW)
        self.assertEqual({}, self.custodian.calls)
        self.assertEqual(0, self.statements.count)

    def test_what_open_found_serves_seal(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        other = self.another_conductor()
        self.start_counting()
        other.open('p1', sealed.record, ROW)
        other.seal('p1', b'payload', ROW)
        other.open('p1', sealed.record, ROW)
        self.assertEqual({'unwrap': 1}, self.custodian.calls)
        self.assertEqual(3, self.statements.count)

    def test_first_write_of_a_project(self) -> None:
        self.start_counting()
        self.keys_of_one.seal('p1', b'payload', ROW)
        self.assertEqual({'wrap': 1, 'unwrap': 1}, self.custodian.calls)

    def test_no_call_while_a_connection_is_held(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        self.another_conductor().open('p1', sealed.record, ROW)
        self.keys_of_one.check()
        self.assertGreater(self.custodian.calls.total(), 4)
        self.assertEqual(0, self.custodian.held)

    def test_ttl_ends_both_caches(self) -> None:
        self.keys_of_one.seal('p1', b'payload', ROW)
        self.start_counting()
        self.clock.now += 299
        self.keys_of_one.seal('p1', b'payload', ROW)
        self.assertEqual(0, self.statements.count)
        self.clock.now += 1
        self.keys_of_one.seal('p1', b'payload', ROW)
        self.assertEqual({'unwrap': 1}, self.custodian.calls)

    def test_a_key_does_not_outlive_its_ttl_by_another_way(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        other = self.another_conductor()
        other.open('p1', sealed.record, ROW)
        self.clock.now += 200
        other.seal('p1', b'payload', ROW)
        self.clock.now += 100
        self.start_counting()
        other.seal('p1', b'payload', ROW)
        self.assertEqual({'unwrap': 1}, self.custodian.calls)

    def test_a_ttl_of_zero_asks_each_time(self) -> None:
        keys = self.hierarchy(self.custodian, ttl=0)
        sealed = keys.seal('p1', b'payload', ROW)
        self.start_counting()
        for _ in range(3):
            keys.open('p1', sealed.record, ROW)
        self.assertEqual({'unwrap': 3}, self.custodian.calls)


class CustodianAwayTest(Base):
    def test_cached_keys_work_until_their_ttl(self) -> None:
        sealed = self.keys_of_one.seal('p1', b'payload', ROW)
        away = self.folder / 'away'
        self.keys.rename(away)
        self.clock.now += 299
        self.keys_of_one.open('p1', sealed.record, ROW)
        self.keys_of_one.seal('p1', b'payload', ROW)
        self.clock.now += 1
        for _ in range(2):
            with self.assertRaises(errors.MasterKeyUnavailable):
                self.keys_of_one.open('p1', sealed.record, ROW)
            with self.assertRaises(errors.MasterKeyUnavailable):
                self.keys_of_one.seal('p1', b'payload', ROW)
        away.rename(self.keys)
        self.assertEqual(
            b'payload', self.keys_of_one.open('p1', sealed.record, ROW)
        )

    def test_new_projects_leave_nothing_behind(self) -> None:
        away = self.folder / 'away'
        self.keys.rename(away)
        with self.assertRaises(errors.MasterKeyUnavailable):
            self.keys_of_one.seal('p1', b'payload', ROW)
        self.assertEqual([], self.project_keys())
        away.rename(self.keys)
        self.keys_of_one.seal('p1', b'payload', ROW)


class FirstWriteTest(Base):
    def test_64_threads_make_one_key(self) -> None:
        start = threading.Barrier(64)
        self.start_counting()

        def work(_: int) -> hierarchy.Sealed:
            start.wait(30)
            return self.keys_of_one.seal('p1', b'payload', ROW)

        with futures.ThreadPoolExecutor(64) as pool:
            sealed = list(pool.map(work, range(64)))
        ((key_id, _),) = self.project_keys()
        self.assertEqual({key_id}, {each.project_key_id for each in sealed})
        self.assertEqual({'wrap': 1, 'unwrap': 1}, self.custodian.calls)
        for each in sealed:
            self.keys_of_one.open('p1', each.record, ROW)

    def test_eight_conductors_make_one_key(self) -> None:
        conductors = [self.another_conductor() for _ in range(8)]
        start = threading.Barrier(8)

        def work(keys: hierarchy.KeyHierarchy) -> hierarchy.Sealed:
            start.wait(30)
            return keys.seal('p1', b'payload', ROW)

        with futures.ThreadPoolExecutor(8) as pool:
            sealed = list(pool.map(work, conductors))
        ((key_id, _),) = self.project_keys()
        for each in sealed:
            self.assertEqual(key_id, each.project_key_id)
            self.keys_of_one.open('p1', each.record, ROW)

    def test_the_loser_takes_the_winners_key(self) -> None:
        """The other conductor commits between our look and our insert."""
        winner = self.another_conductor()
        won: list[hierarchy.Sealed] = []

        class Late(world.Watched):
            def wrap(
                self, reference: str, key: bytes, binding: bytes
            ) -> bytes:
                if binding.startswith(b'\0\0\0\x0bproject key'):
                    won.append(winner.seal('p1', b'first', ROW))
                return super().wrap(reference, key, binding)

        loser = self.hierarchy(Late(self.conf, self.statements))
        sealed = loser.seal('p1', b'second', ROW)
        self.assertEqual([(sealed.project_key_id, 'p1')], self.project_keys())
        self.assertEqual(sealed.project_key_id, won[0].project_key_id)
        self.assertEqual(b'second', winner.open('p1', sealed.record, ROW))
        self.assertEqual(b'first', loser.open('p1', won[0].record, ROW))
