# SPDX-License-Identifier: Apache-2.0
"""python-barbicanclient, unmodified."""

import datetime
import os
import time
import typing
import unittest
import uuid

from barbicanclient import exceptions

from secretstore.tests.functional import clients, material

PEM = material.Encoding.PEM


def payloads() -> dict[str, str | bytes]:
    """Something real to store for each type of secret."""
    return {
        'symmetric': os.urandom(32),
        'passphrase': 'pässphrase',
        'private': material.private_key(PEM),
        'public': material.public_key(PEM),
        'certificate': material.certificate(PEM).decode(),
        'opaque': bytes(range(256)),
    }


def later(**delta: float) -> str:
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(**delta)
    return at.isoformat()


class _Client:
    """The tests; a class below says against what they run."""

    secrets: typing.Any

    def create(self, **fields: object) -> typing.Any:
        secret = self.secrets.create(**fields)
        secret.store()
        self.addCleanup(self.remove, secret)
        return secret

    def remove(self, secret: typing.Any) -> None:
        try:
            secret.delete()
        except exceptions.HTTPClientError as error:
            # Deleted or expired meanwhile.
            if error.status_code != 404:
                raise

    def listed(self, **query: object) -> list[str]:
        return [found.secret_ref for found in self.secrets.list(**query)]

    def refuse(self, status: int, act: typing.Callable[[], object]) -> str:
        with self.assertRaises(exceptions.HTTPClientError) as caught:
            act()
        self.assertEqual(status, caught.exception.status_code)
        return str(caught.exception)

    def test_every_type_of_secret(self) -> None:
        for kind, payload in payloads().items():
            with self.subTest(kind):
                stored = self.create(
                    name=f'a {kind}',
                    secret_type=kind,
                    payload=payload,
                    algorithm='aes',
                    bit_length=256,
                    mode='cbc',
                )
                found = self.secrets.get(stored.secret_ref)
                self.assertEqual(payload, found.payload)
                self.assertIs(type(payload), type(found.payload))
                self.assertEqual(f'a {kind}', found.name)
                self.assertEqual(kind, found.secret_type)
                self.assertEqual('ACTIVE', found.status)
                self.assertEqual(
                    ('aes', 256, 'cbc'),
                    (found.algorithm, found.bit_length, found.mode),
                )
                self.assertIsNone(found.expiration)

    def test_payload_in_a_second_step(self) -> None:
        for payload in ('text', b'\x00\xff'):
            secret = self.create(name='two steps')
            self.assertIsNone(self.secrets.get(secret.secret_ref).payload)
            self.secrets.update(secret.secret_ref, payload)
            found = self.secrets.get(secret.secret_ref)
            self.assertEqual(payload, found.payload)
            text = self.refuse(
                409,
                lambda ref=secret.secret_ref: self.secrets.update(ref, 'x'),
            )
            self.assertIn('already has data', text)

    def test_delete(self) -> None:
        secret = self.create(payload='gone soon')
        ref = secret.secret_ref
        self.secrets.delete(ref)
        self.refuse(404, lambda: self.secrets.get(ref).status)
        self.refuse(404, lambda: self.secrets.delete(ref))

    def test_filters(self) -> None:
        name = uuid.uuid4().hex
        made = [
            self.create(
                name=name,
                payload='x',
                algorithm=f'a{n}',
                mode=f'm{n}',
                bit_length=128 * n,
                secret_type=kind,
            ).secret_ref
            for n, kind in enumerate(('symmetric', 'opaque'), 1)
        ]
        self.assertEqual(made, self.listed(name=name))
        for query in (
            {'algorithm': 'a2'},
            {'mode': 'm2'},
            {'bits': 256},
            {'secret_type': 'opaque'},
        ):
            self.assertEqual(made[1:], self.listed(name=name, **query))
        self.assertEqual(
            made[::-1], self.listed(name=name, sort='bit_length:desc')
        )
        self.assertEqual(
            [], self.listed(name=name, created=f'gt:{later(minutes=1)}')
        )
        self.assertEqual([], self.listed(name=uuid.uuid4().hex))

    def test_pages(self) -> None:
        name = uuid.uuid4().hex
        made = [self.create(name=name).secret_ref for _ in range(5)]
        found = [
            self.listed(name=name, limit=2, offset=offset)
            for offset in (0, 2, 4, 6)
        ]
        self.assertEqual([made[:2], made[2:4], made[4:], []], found)

    def test_expiration(self) -> None:
        """What has expired is gone, from reads, lists and totals."""
        name = uuid.uuid4().hex
        kept = self.create(name=name, payload='x', expiration=later(hours=1))
        brief = self.create(
            name=name, payload='x', expiration=later(seconds=2)
        )
        both = [kept.secret_ref, brief.secret_ref]
        self.assertEqual(both, self.listed(name=name))
        before = self.total()
        self.assertEqual('x', self.secrets.get(brief.secret_ref).payload)
        time.sleep(2.2)
        self.assertEqual(both[:1], self.listed(name=name))
        self.assertEqual(before - 1, self.total())
        self.refuse(404, lambda: self.secrets.get(brief.secret_ref).status)
        self.refuse(404, lambda: self.secrets.update(both[1], 'y'))
        self.refuse(404, lambda: self.secrets.delete(brief.secret_ref))
        found = self.secrets.get(kept.secret_ref)
        self.assertEqual('x', found.payload)
        self.assertGreater(
            found.expiration, datetime.datetime.now(datetime.UTC)
        )

    def total(self) -> int:
        answer = self.secrets._api.get('secrets', params={'limit': 1})
        return int(answer['total'])

    def test_refusals(self) -> None:
        past = later(hours=-1)
        text = self.refuse(400, lambda: self.create(expiration=past))
        self.assertIn('before current time', text)
        large = 20001 * 'x'
        text = self.refuse(413, lambda: self.create(payload=large))
        self.assertIn('too large', text)
        self.refuse(400, lambda: self.create(secret_type='unheard-of'))


class TestStandalone(_Client, unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.secrets = clients.standalone().barbican().secrets


class TestKeystone(_Client, unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.secrets = clients.keystone().barbican().secrets

    def test_other_projects(self) -> None:
        """A stranger's secret is refused, and in no list."""
        ref = self.create(payload='mine').secret_ref
        others = clients.keystone('project_a_member').barbican().secrets
        self.assertNotIn(ref, [found.secret_ref for found in others.list()])
        self.refuse(403, lambda: others.get(ref).payload)
        self.refuse(403, lambda: others.delete(ref))
