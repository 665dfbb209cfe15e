# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
import contextlib
from datetime import timedelta
import threading
from typing import Any

from oslo_db import exception as db_exc
import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import utcnow
from secretstore.conductor.secret_metadata import SecretMetadataManager
from secretstore.conductor.secrets import SecretManager
from secretstore.conductor.service import key_hierarchy
from secretstore.conductor.transport_keys import TransportKeyManager
from secretstore.db.engine import Database
from secretstore.db.quotas import UNLIMITED
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
    query,
    text_secret,
)

ME = context('member')


class LosingDatabase(Database):
    """Commits, and then loses the connection before it says so."""

    losses = 0
    is_away = False

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        if self.is_away:
            raise db_exc.DBConnectionError
        with super().writing() as connection:
            yield connection
        if self.losses > 0:
            self.losses -= 1
            raise db_exc.DBConnectionError


class SecretsBase(ConductorTest):
    def setUp(self) -> None:
        super().setUp()
        self.secrets = self.conductor.secrets

    def execute(self, statement: str, **values: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(sa.text(statement), values)


class SecretsTest(SecretsBase):
    def test_what_is_stored_is_what_is_read(self) -> None:
        for payload in (b'x', b'\0' * 20000, bytes(range(256))):
            secret_id = self.secrets.create(ME, text_secret(payload))
            found = self.secrets.payload(ME, secret_id)
            self.assertEqual(('text/plain', payload), found)

    def test_a_view_tells_everything_but_the_payload(self) -> None:
        expiration = utcnow() + timedelta(days=1)
        secret = new_secret(
            name='n',
            secret_type='symmetric',
            algorithm='aes',
            bit_length=256,
            mode='cbc',
            expiration=expiration,
        )
        before = utcnow()
        secret_id = self.secrets.create(ME, secret)
        view = self.secrets.get(ME, secret_id)
        for name in ('name', 'secret_type', 'algorithm', 'bit_length'):
            self.assertEqual(secret[name], view[name])  # type: ignore
        self.assertEqual(secret_id, view['id'])
        self.assertEqual(ME.user_id, view['creator_id'])
        self.assertEqual(expiration, view['expiration'])
        self.assertTrue(before <= view['created'] <= utcnow())
        self.assertEqual(view['created'], view['updated'])
        self.assertIsNone(view['content_type'])

    def test_no_payload_yet(self) -> None:
        secret_id = self.secrets.create(ME, new_secret())
        with self.assertRaisesRegex(errors.NotFound, 'has no payload'):
            self.secrets.payload(ME, secret_id)

    def test_expired_is_gone_for_everything(self) -> None:
        meta = self.conductor.secret_metadata
        secret_id = self.secrets.create(
            ME, text_secret() | {'expiration': utcnow() + timedelta(hours=1)}
        )
        total = self.secrets.page(ME, query()).total
        self.execute(
            'UPDATE secrets SET expiration = :then WHERE id = :of',
            then=str(utcnow() - timedelta(seconds=1)),
            of=secret_id,
        )
        for call in (
            lambda: self.secrets.get(ME, secret_id),
            lambda: self.secrets.payload(ME, secret_id),
            lambda: self.secrets.put_payload(
                ME, secret_id, 'text/plain', b'x'
            ),
            lambda: self.secrets.delete(ME, secret_id),
            lambda: meta.get_all(ME, secret_id),
            lambda: meta.replace(ME, secret_id, {'k': 'v'}),
            lambda: meta.add(ME, secret_id, 'k', 'v'),
            lambda: meta.delete(ME, secret_id, 'k'),
        ):
            with self.assertRaisesRegex(errors.NotFound, 'Secret not found'):
                call()
        self.assertEqual(total - 1, self.secrets.page(ME, query()).total)

    def test_delete_is_for_good(self) -> None:
        secret_id = self.secrets.create(ME, text_secret())
        self.conductor.secret_metadata.add(ME, secret_id, 'k', 'v')
        self.secrets.delete(ME, secret_id)
        for table, column in (
            ('secrets', 'id'),
            ('secret_payloads', 'secret_id'),
            ('secret_metadata', 'secret_id'),
        ):
            with self.database.reading() as connection:
                left = connection.execute(
                    sa.text(
                        f'SELECT count(*) FROM {table} WHERE {column} = :of'
                    ),
                    {'of': secret_id},
                ).scalar()
            self.assertEqual(0, left, table)
        self.assertRaises(errors.NotFound, self.secrets.delete, ME, secret_id)

    def test_of_two_deletes_at_once_neither_fails(self) -> None:
        secret_id = self.secrets.create(ME, text_secret())
        outcome = self.together(
            lambda number: self.secrets.delete(ME, secret_id)
        )
        # Or the second came late enough to find nothing.
        self.assertIn(outcome, (['None', 'None'], ['None', 'NotFound']))
        with self.assertRaises(errors.NotFound):
            self.secrets.delete(ME, secret_id)

    def test_of_two_puts_one_counts(self) -> None:
        for turn in range(10):
            secret_id = self.secrets.create(ME, new_secret())
            outcome = self.together(
                lambda number, of=secret_id: self.secrets.put_payload(
                    ME, of, 'text/plain', b'%d' % number
                )
            )
            self.assertEqual(['Conflict', 'None'], outcome, turn)
            self.assertIn(
                self.secrets.payload(ME, secret_id).data, (b'0', b'1')
            )

    def together(self, call: Any) -> list[str]:
        """The names of what two calls at a time raised."""
        outcome: list[str] = []
        start = threading.Barrier(2)

        def work(number: int) -> None:
            start.wait()
            try:
                outcome.append(str(call(number)))
            except errors.SecretStoreError as error:
                outcome.append(type(error).__name__)

        threads = [
            threading.Thread(target=work, args=(number,))
            for number in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(outcome)

    def test_put_for_a_secret_that_is_gone(self) -> None:
        secret_id = self.secrets.create(ME, new_secret())
        self.secrets.delete(ME, secret_id)
        with self.assertRaises(errors.NotFound):
            self.secrets.put_payload(ME, secret_id, 'text/plain', b'x')


class CorruptTest(SecretsBase):
    def assert_corrupt(self, secret_id: str) -> None:
        with self.assertRaises(errors.Corrupt) as caught:
            self.secrets.payload(ME, secret_id)
        self.assertIn(secret_id, caught.exception.message)

    def test_swapped_rows(self) -> None:
        one, two = (
            self.secrets.create(ME, text_secret(payload))
            for payload in (b'one', b'two')
        )
        self.execute(
            'UPDATE secret_payloads SET envelope = (SELECT envelope FROM '
            'secret_payloads WHERE secret_id = :two) WHERE secret_id = :one',
            one=one,
            two=two,
        )
        self.assert_corrupt(one)
        self.assertEqual(b'two', self.secrets.payload(ME, two).data)

    def test_a_changed_bit(self) -> None:
        secret_id = self.secrets.create(ME, text_secret())
        with self.database.writing() as connection:
            table = sa.table(
                'secret_payloads',
                sa.column('secret_id'),
                sa.column('envelope', sa.LargeBinary),
            )
            mine = table.c.secret_id == secret_id
            envelope = bytearray(
                connection.execute(
                    sa.select(table.c.envelope).where(mine)
                ).scalar_one()
            )
            envelope[-1] ^= 1
            connection.execute(
                sa.update(table).where(mine).values(envelope=bytes(envelope))
            )
        self.assert_corrupt(secret_id)

    def test_a_secret_moved_to_another_project(self) -> None:
        thief = context('member', project_id='e' * 32)
        secret_id = self.secrets.create(ME, text_secret())
        self.secrets.create(thief, text_secret())
        self.execute(
            'UPDATE secrets SET project_id = :thief WHERE id = :of',
            thief=thief.project_id,
            of=secret_id,
        )
        with self.assertRaises(errors.Corrupt):
            self.secrets.payload(thief, secret_id)

    def test_a_payload_that_is_gone(self) -> None:
        secret_id = self.secrets.create(ME, text_secret())
        self.execute(
            'DELETE FROM secret_payloads WHERE secret_id = :of', of=secret_id
        )
        self.assert_corrupt(secret_id)


class LostCommitTest(ConductorTest):
    def setUp(self) -> None:
        super().setUp()
        self.losing = LosingDatabase(self.conf.database.connection)
        self.addCleanup(self.losing.dispose)
        keys = key_hierarchy(self.conf, self.database)
        keys.start()
        authorization = Authorization(self.conf)
        self.secrets = SecretManager(
            self.losing,
            keys,
            authorization,
            UNLIMITED,
            TransportKeyManager(self.losing, keys, authorization, self.conf),
        )
        self.meta = SecretMetadataManager(self.losing, authorization, 9)

    def test_create_stores_one_secret_and_succeeds(self) -> None:
        who = context('member', project_id='f' * 32)
        for payload in (b'x', None):
            before = self.secrets.page(who, query()).total
            self.losing.losses = 1
            secret = new_secret() if payload is None else text_secret(payload)
            secret_id = self.secrets.create(who, secret)
            self.assertEqual(before + 1, self.secrets.page(who, query()).total)
            if payload:
                found = self.secrets.payload(who, secret_id)
                self.assertEqual(payload, found.data)

    def test_put_succeeds(self) -> None:
        secret_id = self.secrets.create(ME, new_secret())
        self.losing.losses = 1
        self.secrets.put_payload(ME, secret_id, 'text/plain', b'mine')
        self.assertEqual(b'mine', self.secrets.payload(ME, secret_id).data)

    def test_metadata_is_replaced(self) -> None:
        secret_id = self.secrets.create(ME, new_secret())
        self.losing.losses = 1
        self.meta.replace(ME, secret_id, {'k': 'v'})
        self.assertEqual({'k': 'v'}, self.meta.get_all(ME, secret_id))

    def test_a_database_that_keeps_failing(self) -> None:
        self.losing.is_away = True
        with (
            self.assertLogs('secretstore'),
            self.assertRaises(errors.DatabaseUnavailable),
        ):
            self.secrets.create(ME, text_secret())
