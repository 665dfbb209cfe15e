# SPDX-License-Identifier: Apache-2.0
"""The suite of collection and purge on real servers."""

from secretstore.db import models
from secretstore.db.engine import Database
from secretstore.tests.functional import base, databases
from secretstore.tests.functional.services import own, system
from secretstore.tests.unit.conductor import (
    collection_sizes_suite,
    collection_suite,
)
from secretstore.tests.unit.conductor.stock import Stock, ago


class TestCollectionsOnMariaDB(
    databases.MariaDB, collection_suite.Collections
):
    pass


class TestPurgesOnMariaDB(databases.MariaDB, collection_suite.Purges):
    pass


class TestCollectionsOnPostgreSQL(
    databases.PostgreSQL, collection_suite.Collections
):
    pass


class TestPurgesOnPostgreSQL(databases.PostgreSQL, collection_suite.Purges):
    pass


class TestSizesOnMariaDB(databases.MariaDB, collection_sizes_suite.Sizes):
    pass


class TestSizesOnPostgreSQL(
    databases.PostgreSQL, collection_sizes_suite.Sizes
):
    pass


class TestInTheService(base.FunctionalTest):
    """The service collects by itself, in each of its processes."""

    def test_an_expired_secret(self) -> None:
        url = self.new_database('mariadb')
        service = own.SecretStore(
            url, {'collection': {'expired_secret_retention': 0, 'interval': 1}}
        )
        self.enterContext(service)
        database = Database(url)
        self.addCleanup(database.dispose)
        stock = Stock(database)
        gone = {stock.secret('p', expiration=ago(1)) for _ in range(3)}
        kept = stock.secret('p', expiration=ago(-1))
        system.wait_for(
            'collection',
            lambda: not gone & stock.ids(models.Secret),
            seconds=30,
        )
        self.assertEqual({kept}, stock.ids(models.Secret))
        self.assertEqual(1, stock.counted('p')['secrets'])
        # It counts what it has done, and then says so.
        system.wait_for(
            'the line in the log',
            lambda: 'expired secrets' in service.log_text(),
        )
