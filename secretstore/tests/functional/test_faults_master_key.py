# SPDX-License-Identifier: Apache-2.0
"""The master key's file goes away under a running service, and comes back."""

import contextlib
import json
import pathlib
import sys
import time
import typing
import unittest
import uuid

from secretstore.tests.functional import base, clients, services
from secretstore.tests.functional.services import own, process, system, web

BODY = {'payload': 'hush', 'payload_content_type': 'text/plain'}
CACHE_SECONDS = 3


class TestMasterKeyAway(base.FunctionalTest):
    server: typing.ClassVar[own.SecretStore]
    file: typing.ClassVar[pathlib.Path]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = own.SecretStore(
            cls().new_database('sqlite'),
            {'conductor': {'key_cache_ttl': CACHE_SECONDS}},
            processes=1,
        )
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        (cls.file,) = cls.server.key_folder.iterdir()

    def test_removed(self) -> None:
        kept = self.file.with_suffix('.kept')
        with self._warm() as refused:
            self.file.rename(kept)
            self.addCleanup(_put_back, kept, self.file)
            refused({500, 503}, 'missing')
            kept.rename(self.file)

    def test_readable_for_all(self) -> None:
        with self._warm() as refused:
            self.file.chmod(0o644)
            self.addCleanup(self.file.chmod, 0o600)
            refused({503}, 'chmod 600', heals=False)
            self.file.chmod(0o600)

    def test_folder_unmounted(self) -> None:
        folder = self.server.key_folder
        kept = folder.with_suffix('.kept')
        with self._warm() as refused:
            folder.rename(kept)
            self.addCleanup(_put_back, kept, folder)
            refused({503}, 'missing')
            kept.rename(folder)

    @contextlib.contextmanager
    def _warm(self) -> typing.Iterator[typing.Callable[..., None]]:
        """Projects that are used before the fault work through and after it.

        Gives what is to be called during the fault.
        """
        known = clients.noauth(uuid.uuid4().hex)
        ref = self._store(known).json()['secret_ref']

        def refused(statuses: set[int], word: str, heals: bool = True) -> None:
            before = len(self.server.log_text())
            self._works(known, ref)
            self._is_refused(self._store(_stranger()), statuses, heals)
            health = web.call('GET', f'{self.server.url}/healthcheck')
            self.assertEqual(503, health.status)
            self.assertIn(b'master key', health.body)
            live = web.call('GET', f'{self.server.url}/healthcheck/live')
            self.assertEqual(200, live.status)
            logged = self.server.log_text()[before:]
            self.assertIn(str(self.server.key_folder), logged)
            self.assertIn(word, logged)
            time.sleep(CACHE_SECONDS)
            self._is_refused(self._read(known, ref), statuses, heals)

        # The health that was found last may be told for a second.
        system.wait_for('health', self.server.ready, 3)
        time.sleep(1)
        yield refused
        self._works(known, ref)
        self._works(_stranger(), None)
        system.wait_for('health', self.server.ready, 3)

    def _store(self, headers: dict[str, str]) -> web.Answer:
        url = f'{self.server.url}/v1/secrets'
        return web.call('POST', url, BODY, headers)

    def _read(self, headers: dict[str, str], ref: str) -> web.Answer:
        return web.call('GET', f'{ref}/payload', headers=headers)

    def _works(self, headers: dict[str, str], ref: str | None) -> None:
        stored = self._store(headers)
        self.assertEqual(201, stored.status, stored.body)
        for where in (stored.json()['secret_ref'], ref):
            if where:
                self.assertEqual(b'hush', self._read(headers, where).body)

    def _is_refused(
        self, answer: web.Answer, statuses: set[int], heals: bool
    ) -> None:
        self.assertIn(answer.status, statuses, answer.body)
        self.assertEqual(answer.status, answer.json()['code'])
        # Where keys are is not the caller's to know.
        self.assertNotIn(str(self.server.key_folder).encode(), answer.body)
        # Only what may heal by itself is worth another try.
        self.assertEqual(
            answer.status == 503 and heals, 'retry-after' in answer.headers
        )


class TestDiskFull(unittest.TestCase):
    """On a disk of its own, which is really full."""

    def test_no_key_or_a_whole_one(self) -> None:
        folder = process.new_folder('full-disk')
        program = pathlib.Path(services.__file__).with_name(
            'full_disk_program.py'
        )
        told = json.loads(
            system.run([*_own_mounts(folder), sys.executable, program, folder])
            .strip()
            .splitlines()[-1]
        )
        self.assertEqual([], list(folder.iterdir()))
        failure, message = told['refusal']
        self.assertEqual('MasterKeyUnavailable', failure)
        self.assertIn('No space left on device', message)
        self.assertIn(f'{folder}/keys/', message)
        # Neither half a key nor a draft is left, and what was there is whole.
        self.assertEqual(1, len(told['before']))
        self.assertEqual(told['before'], told['after'])
        self.assertTrue(told['reads'])
        # Space is all that it needs.
        self.assertEqual(
            sorted([*told['before'], f'{told["created"]}.key']), told['end']
        )


def _own_mounts(folder: pathlib.Path) -> list[str]:
    """A command whose mounts nobody else sees."""
    unshare = system.find('unshare', 'util-linux')
    reasons = []
    for words in (['--mount'], ['--mount', '--map-root-user']):
        command = [unshare, *words]
        try:
            system.run([*command, 'mount', '-t', 'tmpfs', 'none', folder])
        except system.Error as exc:
            reasons.append(str(exc))
        else:
            return command
    system.missing(f'no mounts of its own: {"; ".join(reasons)}')


def _stranger() -> dict[str, str]:
    """A project that has no key yet."""
    return clients.noauth(uuid.uuid4().hex)


def _put_back(kept: pathlib.Path, where: pathlib.Path) -> None:
    if kept.exists():
        kept.rename(where)
