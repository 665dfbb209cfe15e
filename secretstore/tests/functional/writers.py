# SPDX-License-Identifier: Apache-2.0
"""Clients that store secrets while something breaks, and the reckoning."""

import collections
from collections.abc import Iterator
from concurrent import futures
import itertools
import secrets
import threading
import time
import typing
import unittest

from secretstore.tests.functional.services import system, web

Headers = typing.Mapping[str, str]
TEXT = 'text/plain'


class Writers:
    """Threads that store secrets as fast as they can, until told to stop.

    Every other one uses two requests, POST and PUT. What was acknowledged
    is in *stored*: payloads by reference, None where only the first of the
    two requests was answered. Answers are counted in *answers*. The
    name of a secret is the payload that it has or is to get.
    """

    def __init__(self, url: str, headers: Headers, count: int = 8) -> None:
        self.stored: dict[str, str | None] = {}
        self.answers: collections.Counter[str] = collections.Counter()
        self._url = f'{url}/v1/secrets'
        self._headers = dict(headers)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number % 2 == 1,))
            for number in range(count)
        ]

    def __enter__(self) -> typing.Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, count: int) -> None:
        """Return when that many more secrets have been acknowledged."""
        wanted = len(self.stored) + count
        system.wait_for(
            f'{count} more secrets', lambda: len(self.stored) >= wanted, 60
        )

    def _work(self, in_two_steps: bool) -> None:
        while not self._stop.is_set():
            payload = secrets.token_hex(40)
            try:
                if in_two_steps:
                    self._two_steps(payload)
                else:
                    self._one_step(payload)
            except OSError as error:
                self.answers[type(error).__name__] += 1
                time.sleep(0.05)

    def _one_step(self, payload: str) -> None:
        body = {
            'name': payload,
            'payload': payload,
            'payload_content_type': TEXT,
        }
        answer = web.call('POST', self._url, body, self._headers)
        self.answers[f'POST {answer.status}'] += 1
        if answer.status == 201:
            self.stored[answer.json()['secret_ref']] = payload

    def _two_steps(self, payload: str) -> None:
        answer = web.call('POST', self._url, {'name': payload}, self._headers)
        self.answers[f'POST {answer.status}'] += 1
        if answer.status != 201:
            return
        ref = answer.json()['secret_ref']
        self.stored[ref] = None
        headers = {**self._headers, 'Content-Type': TEXT}
        answer = web.call('PUT', ref, payload.encode(), headers)
        self.answers[f'PUT {answer.status}'] += 1
        if answer.status == 204:
            self.stored[ref] = payload


def reckon(
    test: unittest.TestCase, url: str, headers: Headers, writers: Writers
) -> None:
    """Fail unless all acknowledged is there, once, and nothing by half.

    The project of *headers* must be the writers' own.
    """
    total, listed = listing(url, headers)
    problems: dict[str, list[str]] = collections.defaultdict(list)
    for ref in sorted(set(writers.stored) - set(listed)):
        problems['acknowledged but not listed'].append(ref)
    names = collections.Counter(one['name'] for one in listed.values())
    for name in sorted(name for name, count in names.items() if count > 1):
        problems['stored twice'].append(name)
    for ref, problem in _read_all(headers, listed, writers.stored):
        problems[problem].append(ref)
    counts = {problem: len(refs) for problem, refs in problems.items()}
    message = (
        f'{len(writers.stored)} acknowledged, {len(listed)} listed, total '
        f'{total}, problems {counts or "none"}; {dict(writers.answers)}; '
        f'{ {problem: refs[:3] for problem, refs in problems.items()} }'
    )
    system.say(message)
    test.assertFalse(problems, message)
    test.assertEqual(len(listed), total, message)


def listing(
    url: str, headers: Headers
) -> tuple[int, dict[str, dict[str, typing.Any]]]:
    """The total that the service tells, and all secrets by reference."""
    found: dict[str, dict[str, typing.Any]] = {}
    page = f'{url}/v1/secrets?limit=100'
    while True:
        answer = web.call('GET', page, headers=headers).json()
        found.update((one['secret_ref'], one) for one in answer['secrets'])
        if 'next' not in answer:
            return int(answer['total']), found
        page = answer['next']


def _read_all(
    headers: Headers,
    listed: dict[str, dict[str, typing.Any]],
    stored: dict[str, str | None],
) -> Iterator[tuple[str, str]]:
    """References of secrets that are not as they should be, and why."""
    with futures.ThreadPoolExecutor(4) as pool:
        for ref, problem in zip(
            listed,
            pool.map(
                _problem,
                itertools.repeat(headers),
                listed.values(),
                [stored.get(ref) for ref in listed],
            ),
            strict=True,
        ):
            if problem:
                yield ref, problem


def _problem(
    headers: Headers, shown: dict[str, typing.Any], payload: str | None
) -> str | None:
    answer = web.call(
        'GET',
        shown['secret_ref'] + '/payload',
        headers={**headers, 'Accept': TEXT},
    )
    if 'content_types' not in shown:
        if payload is not None:
            return 'acknowledged payload lost'
        return None if answer.status == 404 else 'payload without a type'
    if answer.status != 200:
        return f'half a secret: {answer.status}'
    if answer.body.decode() != shown['name']:
        return 'wrong payload'
    return None


# Secrets with a content type and no payload, or the other way round.
HALVES = """
SELECT secrets.id FROM secrets
LEFT JOIN secret_payloads ON secret_payloads.secret_id = secrets.id
WHERE (secrets.content_type IS NULL) != (secret_payloads.envelope IS NULL)
"""
