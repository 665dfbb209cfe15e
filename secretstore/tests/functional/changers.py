# SPDX-License-Identifier: Apache-2.0
"""Clients whose calls must not be executed twice, while something breaks."""

import collections
import secrets
import threading
import typing
import unittest

from secretstore.tests.functional import clients, writers
from secretstore.tests.functional.services import mariadbd, system, web

TEXT = 'text/plain'
GOOD = {
    'secret 201',
    'register 201',
    'add 201',
    'describe 201',
    'take out 204',
    'delete 204',
}
# Whether it was executed is not known then.
BUSY = {f'{answer[:-3]}503' for answer in GOOD}


class Changers:
    """Threads that do, one after the other, what cannot be repeated.

    A second execution is seen: it answers differently, 404 or 409, or makes
    one more transport key.  Where the fate of a call is unknown its thread
    goes on with another secret.  Answers are counted in *answers*.
    """

    def __init__(self, url: str, count: int = 2) -> None:
        self.answers: collections.Counter[str] = collections.Counter()
        self.headers = clients.noauth(
            f'p-{secrets.token_hex(16)}', 'member,admin'
        )
        self.deleted: set[str] = set()
        self.left: set[str] = set()
        # By key, whether that it is there was acknowledged.
        self.registered: dict[str, bool] = {}
        self._url = f'{url}/v1'
        self._container = ''
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work) for _ in range(count)
        ]

    def __enter__(self) -> typing.Self:
        body = {'type': 'generic', 'name': 'all', 'secret_refs': []}
        url = f'{self._url}/containers'
        made = web.call('POST', url, body, self.headers)
        self._container = made.json()['container_ref']
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, count: int) -> None:
        """Return when that many more secrets have come and gone."""
        wanted = len(self.deleted) + count
        system.wait_for(
            f'{count} more changes', lambda: len(self.deleted) >= wanted, 60
        )

    def _work(self) -> None:
        members = f'{self._container}/secrets'
        while not self._stop.is_set():
            body = {'payload': 'hush', 'payload_content_type': TEXT}
            made = self._call('secret', f'{self._url}/secrets', body)
            if made is not None:
                self._round(members, made['secret_ref'])

    def _round(self, members: str, ref: str) -> None:
        self.left.add(ref)
        member = {'name': secrets.token_hex(8), 'secret_ref': ref}
        note = {'key': 'note', 'value': 'text'}
        if (
            self._register()
            and self._call('add', members, member)
            and self._call('describe', f'{ref}/metadata', note)
            and self._call('take out', members, member, 'DELETE')
            and self._call('delete', ref, None, 'DELETE')
        ):
            self.left.remove(ref)
            self.deleted.add(ref)

    def _register(self) -> bool:
        key = secrets.token_hex(16)
        self.registered[key] = False
        body = {'plugin_name': 'test', 'transport_key': key}
        done = self._call('register', f'{self._url}/transport_keys', body)
        self.registered[key] = done is not None
        return done is not None

    def _call(
        self, what: str, url: str, body: object, method: str = 'POST'
    ) -> typing.Any:
        """Something true when it was done, with what it was answered."""
        answer = web.call(method, url, body, self.headers)
        self.answers[f'{what} {answer.status}'] += 1
        if answer.status not in (201, 204):
            return None
        return answer.json() if answer.body else {'done': True}


def reckon(
    test: unittest.TestCase,
    url: str,
    database: mariadbd.MariaDB,
    changed: Changers,
) -> None:
    """Fail unless each acknowledged call was executed once, others at most."""
    rows = database.sql(
        "SELECT public_key, COUNT(*) FROM transport_keys WHERE suite = 'test'"
        ' GROUP BY public_key',
        'split',
    )
    counted = dict(row.split('\t') for row in rows.splitlines())
    mine = {key: counted.get(key, '0') for key in changed.registered}
    wrong = {
        key: count
        for key, count in mine.items()
        if count not in ('1' if changed.registered[key] else '01')
    }
    _, listed = writers.listing(url, changed.headers)
    message = (
        f'{len(changed.deleted)} came and went, {len(changed.left)} left; '
        f'{dict(changed.answers)}'
    )
    system.say(message)
    test.assertFalse(wrong, message)
    test.assertFalse(changed.deleted & set(listed), message)
    test.assertLessEqual(set(listed), changed.left, message)
