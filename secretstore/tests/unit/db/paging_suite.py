# SPDX-License-Identifier: Apache-2.0
"""Lists of secrets, on any database."""

import threading

from secretstore.db import secrets
from secretstore.db.engine import retried
from secretstore.tests.unit.db import base

DAY = base.SECOND * 86400


def _ids(rows: list[secrets.SecretRow]) -> list[str]:
    return [row.id for row in rows]


def _in_order(rows: list[secrets.SecretRow]) -> list[secrets.SecretRow]:
    return sorted(rows, key=lambda row: (row.created_at, row.id))


class Pages(base.DatabaseTest):
    """A project where secrets share times of creation and many expired."""

    def setUp(self) -> None:
        super().setUp()
        rows = [
            base.secret(
                created_at=base.NOW + base.SECOND * (number // 7),
                expiration=(base.NOW, None, base.NOW + DAY)[number % 3],
            )
            for number in range(90)
        ]
        self.store(*rows, base.secret(project_id='another'))
        self.expired = rows[::3]
        self.alive = _in_order([r for r in rows if r not in self.expired])

    def test_offsets(self) -> None:
        for limit in (1, 7, 100):
            for offset in (*range(0, 60, 5), 59, 60, 61, 10**12):
                rows, total = self.page(limit=limit, offset=offset)
                self.assertEqual(60, total)
                self.assertEqual(
                    _ids(self.alive[offset : offset + limit]),
                    _ids(rows),
                    (limit, offset),
                )

    def test_markers(self) -> None:
        for position, row in enumerate(self.alive):
            rows, total = self.page(limit=7, offset=1, marker=row.id)
            expected = self.alive[position + 1 : position + 8]
            self.assertEqual(_ids(expected), _ids(rows))
            self.assertEqual(60, total)

    def test_marker_that_expired(self) -> None:
        marker = _in_order(self.expired)[10]
        rows, total = self.page(limit=60, offset=1, marker=marker.id)
        after = (marker.created_at, marker.id)
        expected = [
            row for row in self.alive if (row.created_at, row.id) > after
        ]
        self.assertEqual(_ids(expected), _ids(rows))

    def test_marker_that_is_gone(self) -> None:
        gone = self.alive.pop(9)
        self.remove(gone)
        rows, total = self.page(limit=5, offset=9, marker=gone.id)
        self.assertEqual(_ids(self.alive[9:14]), _ids(rows))
        self.assertEqual(59, total)

    def test_marker_of_another_project(self) -> None:
        other = base.secret(project_id='another')
        self.store(other)
        rows, total = self.page(limit=5, offset=9, marker=other.id)
        self.assertEqual(_ids(self.alive[9:14]), _ids(rows))

    def test_total_counts_what_is_there(self) -> None:
        for row in self.expired[:5] + self.alive[:5]:
            self.remove(row)
        rows, total = self.page(limit=100)
        self.assertEqual(55, total)
        self.assertEqual(_ids(self.alive[5:]), _ids(rows))

    def test_empty_project(self) -> None:
        with self.database.reading() as conn:
            for offset in (0, 10):
                rows, total = secrets.page(
                    conn,
                    'empty',
                    secrets.Filters(),
                    secrets.Page(10, offset),
                    base.NOW,
                )
                self.assertEqual(([], 0), (rows, total))

    def test_statements(self) -> None:
        cases = {
            secrets.Page(10): 1,
            secrets.Page(10, 10, marker=self.alive[9].id): 2,
            secrets.Page(10, 10): 2,
            secrets.Page(10, 45): 2,
            secrets.Page(10, sort=(('name', True),)): 1,
        }
        with self.database.reading() as conn:
            for page, count in cases.items():
                with base.statements(conn) as seen:
                    secrets.page(
                        conn, base.PROJECT, secrets.Filters(), page, base.NOW
                    )
                self.assertEqual(count, len(seen), (page, seen))


class FiltersAndSort(base.DatabaseTest):
    def _named(self, *names: str | None) -> list[secrets.SecretRow]:
        rows = [
            base.secret(name=name, created_at=base.NOW + base.SECOND * number)
            for number, name in enumerate(names)
        ]
        self.store(*rows)
        return rows

    def _found(self, **fields: object) -> list[str | None]:
        filters = secrets.Filters(**fields)  # type: ignore[arg-type]
        rows, total = self.page(filters=filters)
        self.assertEqual(total, len(rows))
        return [row.name for row in rows]

    def test_names_match_exactly(self) -> None:
        names = ['a', 'A', 'ab', 'a_', 'a%', 'a\\', '\xe9', '\U0001f600']
        self._named(*names, None)
        for name in names:
            self.assertEqual([name], self._found(name=name))
        for name in ('', 'b', 'a%%', '_'):
            self.assertEqual([], self._found(name=name))

    def test_each_filter(self) -> None:
        self.store(
            base.secret(
                name='yes',
                secret_type='symmetric',
                algorithm='aes',
                bit_length=256,
                mode='cbc',
                expiration=base.NOW + DAY,
                updated_at=base.NOW + DAY,
            ),
            base.secret(name='no', created_at=base.NOW - DAY),
        )
        later = (('gt', base.NOW),)
        for fields in (
            {'secret_type': 'symmetric'},
            {'algorithm': 'aes'},
            {'bit_length': 256},
            {'mode': 'cbc'},
            {'expiration': later},
            {'updated': later},
            {'created': (('gte', base.NOW),)},
            {'name': 'yes', 'bit_length': 256, 'updated': later},
        ):
            self.assertEqual(['yes'], self._found(**fields), fields)
        self.assertEqual([], self._found(name='no', updated=later))

    def test_times(self) -> None:
        self._named('0', '1', '2', '3')
        one = base.NOW + base.SECOND
        cases = {
            'gt': ['2', '3'],
            'gte': ['1', '2', '3'],
            'lt': ['0'],
            'lte': ['0', '1'],
            'eq': ['1'],
        }
        for op, names in cases.items():
            self.assertEqual(names, self._found(created=((op, one),)), op)
        between = (('gte', one), ('lt', one + 2 * base.SECOND))
        self.assertEqual(['1', '2'], self._found(created=between))

    def test_expired_are_never_found(self) -> None:
        self.store(base.secret(expiration=base.NOW - DAY))
        past = (('lt', base.NOW),)
        self.assertEqual([], self._found(expiration=past))

    def test_numbers_beyond_every_column(self) -> None:
        self._named('x')
        huge = 10**30
        self.assertEqual([], self._found(bit_length=huge))
        self.assertEqual([], self._found(bit_length=-huge))
        for filters in (secrets.Filters(), secrets.Filters(name='x')):
            found = self.page(filters=filters, offset=huge)
            self.assertEqual(([], 1), found)

    def test_page_of_filtered(self) -> None:
        rows = self._named(*['x', 'y'] * 10)
        filters = secrets.Filters(name='x')
        expected = _ids(rows[::2])
        found, total = self.page(filters=filters, limit=3, offset=4)
        self.assertEqual((expected[4:7], 10), (_ids(found), total))
        found, total = self.page(
            filters=filters, limit=3, offset=7, marker=rows[12].id
        )
        self.assertEqual((expected[7:10], 10), (_ids(found), total))
        found, total = self.page(filters=filters, limit=3, offset=40)
        self.assertEqual(([], 10), (found, total))

    def test_sort_by_name(self) -> None:
        names = ['b', None, 'B', 'a', None, 'é', 'z', '~', '\U0001f511', 'a']
        rows = self._named(*names)
        # Without a name first, then by code points, then by creation.
        rows.sort(key=lambda row: (row.name is not None, row.name or ''))
        for descending in (False, True):
            found = []
            for offset in range(0, 12, 3):
                found += self.page(
                    limit=3,
                    offset=offset,
                    sort=(('name', descending),),
                    marker=rows[0].id,
                )[0]
            self.assertEqual(
                [row.name for row in rows], [row.name for row in found]
            )
            self.assertEqual(10, len(set(_ids(found))))
            rows.sort(
                key=lambda row: (row.name is not None, row.name or ''),
                reverse=True,
            )

    def test_sort_is_total(self) -> None:
        rows = [base.secret(bit_length=number // 5) for number in range(20)]
        self.store(*rows)
        found: list[secrets.SecretRow] = []
        for offset in range(0, 20, 3):
            found += self.page(
                limit=3, offset=offset, sort=(('bit_length', True),)
            )[0]
        rows.sort(key=lambda row: (-(row.bit_length or 0), row.id))
        self.assertEqual(_ids(rows), _ids(found))


class PagesOfBusyProject(base.DatabaseTest):
    def test_nothing_is_repeated_or_skipped(self) -> None:
        before = [
            base.secret(created_at=base.NOW + base.SECOND * number)
            for number in range(60)
        ]
        self.store(*before)
        done = threading.Event()
        store = retried(self.store)

        def add(number: int) -> None:
            while not done.is_set():
                store(base.secret(created_at=base.NOW + DAY))

        def read(number: int) -> list[list[str]]:
            try:
                return [self._walk(markers) for markers in (True, False) * 5]
            finally:
                done.set()

        *outcome, walks = self.together(
            3, lambda number: read(number) if number == 2 else add(number)
        )
        self.assertEqual([None, None], outcome)
        for walk in walks:
            self.assertEqual(_ids(before), walk)

    def _walk(self, markers: bool) -> list[str]:
        seen: list[str] = []
        while len(seen) < 60:
            rows, total = self.page(
                limit=4,
                offset=len(seen),
                marker=seen[-1] if markers and seen else None,
            )
            seen += _ids(rows)
        return seen
