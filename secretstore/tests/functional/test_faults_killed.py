# SPDX-License-Identifier: Apache-2.0
"""Processes are killed while eight clients store secrets.

Nothing acknowledged is lost, and nothing is there by half.
"""

import pathlib
import sqlite3
import time

from secretstore.tests.functional import base, clients, writers
from secretstore.tests.functional.services import mariadbd, own, process, web

NOBODY_ASKS = clients.noauth()
ROUNDS = 3
SECRETS = 100


class TestServiceKilled(base.FunctionalTest):
    def _killed_and_restarted(
        self, server: process.Server, url: str, headers: writers.Headers
    ) -> None:
        with writers.Writers(url, headers) as clients_at_work:
            for _ in range(ROUNDS):
                clients_at_work.wait_for_more(SECRETS)
                server.kill()
                self.assertFalse(web.answers(f'{url}/healthcheck/live'))
                server.start()
            clients_at_work.wait_for_more(SECRETS)
        writers.reckon(self, url, headers, clients_at_work)
        # Errors of the service would have been answers.
        self.assertEqual(
            [],
            [a for a in clients_at_work.answers if a.endswith(' 500')],
            server.log_text()[-3000:],
        )

    def test_uwsgi_and_mariadb(self) -> None:
        with mariadbd.MariaDB() as database:
            database.create_database('killed')
            with own.SecretStore(database.url('killed')) as server:
                self._killed_and_restarted(server, server.url, NOBODY_ASKS)
            self.assertEqual('', database.sql(writers.HALVES, 'killed'))

    def test_standalone_and_sqlite(self) -> None:
        with own.Standalone() as server:
            headers = clients.basic_auth(server)
            self._killed_and_restarted(server, server.url, headers)
            file = server.state_folder / 'secretstore.db'
        self.assertEqual([], _halves(file))


class TestDatabaseKilled(base.FunctionalTest):
    def test_mariadb(self) -> None:
        """The service goes on by itself when its database is back."""
        with mariadbd.MariaDB() as database:
            database.create_database('killed')
            with own.SecretStore(database.url('killed')) as server:
                pid = server.pid
                with writers.Writers(server.url, NOBODY_ASKS) as at_work:
                    # Back before a request gives up, and long after that.
                    for seconds in (0, 0, 3):
                        at_work.wait_for_more(SECRETS)
                        database.kill()
                        time.sleep(seconds)
                        database.start()
                    at_work.wait_for_more(SECRETS)
                self.assertEqual(pid, server.pid)
                writers.reckon(self, server.url, NOBODY_ASKS, at_work)
                # No 409 either: of a PUT whose first try did commit while the
                # answer was lost, the second knows its own payload.
                self.assertLessEqual(
                    set(at_work.answers),
                    {'POST 201', 'POST 503', 'PUT 204', 'PUT 503'},
                )
            self.assertEqual('', database.sql(writers.HALVES, 'killed'))


def _halves(file: pathlib.Path) -> list[object]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(writers.HALVES).fetchall()
    finally:
        connection.close()
