# SPDX-License-Identifier: Apache-2.0
"""Key pairs that are being made when processes are killed.

Every order that was taken is done, once, and nothing is left over.
"""

from concurrent import futures
import itertools
import threading
import time
import typing

from secretstore.tests.functional import base, clients
from secretstore.tests.functional.services import mariadbd, own, system, web

HEADERS = clients.noauth()
RSA = {'algorithm': 'rsa', 'bit_length': 4096}
CLAIM_SECONDS = 20
CLIENTS = 8
OPTIONS = {
    'asymmetric_budget': 0,
    'claim_seconds': CLAIM_SECONDS,
    'resume_interval': 1,
}
# Containers that do not hold what an order makes, and secrets that are not
# in one alone.
HALVES = """
SELECT containers.id, COUNT(secret_id) FROM containers
LEFT JOIN container_secrets ON container_id = containers.id
GROUP BY containers.id HAVING COUNT(secret_id) <> 2;
SELECT secrets.id, COUNT(container_id) FROM secrets
LEFT JOIN container_secrets ON secret_id = secrets.id
GROUP BY secrets.id HAVING COUNT(container_id) <> 1;
"""
NOBODYS = """
SELECT id FROM containers
WHERE id NOT IN (SELECT container_id FROM orders)
"""
# What is counted differs from what there is.
MISCOUNTED = """
SELECT * FROM (
    SELECT COUNT(*) AS orders, SUM(status = 'ACTIVE') AS active FROM orders
) AS o, (SELECT COUNT(*) AS secrets FROM secrets) AS s, (
    SELECT SUM(secrets) AS used_secrets, SUM(containers) AS used_containers,
    SUM(orders) AS used_orders FROM project_usage
) AS u WHERE used_orders <> orders OR used_secrets <> secrets
OR used_containers <> active
"""


class Buyers:
    """Threads that order key pairs until told to stop."""

    def __init__(self, url: str, most: int) -> None:
        self.taken: set[str] = set()
        self.statuses: set[int] = set()
        self._url = f'{url}/v1/orders'
        self._most = most
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work) for _ in range(CLIENTS)
        ]

    def __enter__(self) -> typing.Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, count: int) -> None:
        system.wait_for(
            f'{count} orders', lambda: len(self.taken) >= count, 120
        )

    def _work(self) -> None:
        while not self._stop.is_set() and len(self.taken) < self._most:
            try:
                answer = order(self._url)
            except OSError:
                time.sleep(0.05)
                continue
            self.statuses.add(answer.status)
            if answer.status == 202:
                self.taken.add(answer.json()['order_ref'])
            else:
                time.sleep(0.05)


def order(url: str) -> web.Answer:
    body = {'type': 'asymmetric', 'meta': RSA}
    return web.call('POST', url, body, HEADERS)


def listed(url: str) -> dict[str, dict[str, typing.Any]]:
    """All orders of the project by reference; there are not many."""
    page = f'{url}/v1/orders?limit=100'
    answer = web.call('GET', page, headers=HEADERS).json()
    return {found['order_ref']: found for found in answer['orders']}


def wait_until_ended(url: str) -> dict[str, dict[str, typing.Any]]:
    """All orders, once none of them waits."""

    def ended() -> bool:
        return not any(
            found['status'] == 'PENDING' for found in listed(url).values()
        )

    system.wait_for('all orders', ended, 240)
    return listed(url)


class TestOrders(base.FunctionalTest):
    def _assert_all_done(
        self, database: mariadbd.MariaDB, url: str, taken: set[str]
    ) -> None:
        found = wait_until_ended(url)
        self.assertLessEqual(taken, set(found))
        self.assertEqual(
            {'ACTIVE'}, {one['status'] for one in found.values()}, found
        )
        containers = [one['container_ref'] for one in found.values()]
        self.assertEqual(len(containers), len(set(containers)))
        for wrong in (HALVES, NOBODYS, MISCOUNTED):
            self.assertEqual('', database.sql(wrong, 'orders'))

    def test_service_killed(self) -> None:
        with mariadbd.MariaDB() as database:
            database.create_database('orders')
            with own.SecretStore(
                database.url('orders'), {'orders': OPTIONS}
            ) as server:
                url = server.url
                with Buyers(url, 20) as buyers:
                    for count in (6, 12, 16):
                        buyers.wait_for(count)
                        server.kill()
                        server.start()
                    buyers.wait_for(20)
                self._assert_all_done(database, url, buyers.taken)
            attempts = database.sql(
                'SELECT MAX(attempts) FROM orders', 'orders'
            )
            system.say(f'most attempts at one order: {attempts.split()[-1]}')

    def test_two_services(self) -> None:
        """Both do what one of them was asked to do, each order once."""
        with mariadbd.MariaDB() as database:
            database.create_database('orders')
            options: typing.Any = {
                'orders': OPTIONS
                | {'claim_seconds': 120, 'asymmetric_workers': 1}
            }
            with own.SecretStore(database.url('orders'), options) as one:
                shared = options | {
                    'proprietary': {'crypt_key_dir': one.key_folder}
                }
                with own.SecretStore(database.url('orders'), shared) as other:
                    with Buyers(one.url, 12) as buyers:
                        buyers.wait_for(12)
                    self._assert_all_done(database, one.url, buyers.taken)
                    self.assertEqual(len(buyers.taken), len(listed(other.url)))
            # Nobody began what somebody else was doing.
            begun = database.sql(
                'SELECT DISTINCT attempts FROM orders', 'orders'
            )
            self.assertEqual(['1'], begun.split())

    def test_deleted_meanwhile(self) -> None:
        """What is made for a deleted order goes with it, or stays whole."""
        with mariadbd.MariaDB() as database:
            database.create_database('orders')
            with own.SecretStore(
                database.url('orders'), {'orders': OPTIONS}
            ) as server:
                url = server.url
                with futures.ThreadPoolExecutor(CLIENTS) as pool:
                    statuses = pool.map(
                        _order_and_delete,
                        itertools.repeat(f'{url}/v1/orders', 16),
                        range(16),
                    )
                self.assertEqual({204}, set(statuses))
                self.assertEqual({}, listed(url))
                # The last of the work is over when one that came later is.
                for _ in range(2 * server.processes):
                    order(f'{url}/v1/orders')
                wait_until_ended(url)
            self.assertEqual('', database.sql(HALVES, 'orders'))

    def test_database_killed(self) -> None:
        """Attempts count only where somebody died or failed."""
        with mariadbd.MariaDB() as database:
            database.create_database('orders')
            options = {'orders': OPTIONS | {'max_attempts': 3}}
            with own.SecretStore(database.url('orders'), options) as server:
                with Buyers(server.url, 12) as buyers:
                    for count, seconds in ((3, 0), (6, 3), (9, 3)):
                        buyers.wait_for(count)
                        database.kill()
                        time.sleep(seconds)
                        database.start()
                    buyers.wait_for(12)
                self._assert_all_done(database, server.url, buyers.taken)
                self.assertLessEqual(buyers.statuses, {202, 503})


def _order_and_delete(url: str, number: int) -> int:
    ref = order(url).json()['order_ref']
    # Some before anybody begins, some later.
    time.sleep(number % 8 / 4)
    return web.call('DELETE', ref, headers=HEADERS).status
