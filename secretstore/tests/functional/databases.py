# SPDX-License-Identifier: Apache-2.0
"""Where the tests of the database find one of each kind."""

import uuid

from secretstore.tests.functional import services
from secretstore.tests.unit.db import base


class MariaDB(base.DatabaseTest):
    driver = 'mysql+mysqldb'

    @classmethod
    def make_url(cls) -> str:
        server = services.mariadb()
        name = f'test_{uuid.uuid4().hex}'
        server.create_database(name)
        cls.addClassCleanup(server.drop_database, name)
        return server.url(name, cls.driver)


class MariaDBPyMySQL(MariaDB):
    driver = 'mysql+pymysql'


class MariaDBLatin(MariaDB):
    """A database that somebody made without asking for utf8mb4."""

    @classmethod
    def make_url(cls) -> str:
        server = services.mariadb()
        name = f'test_{uuid.uuid4().hex}'
        server.create_database(name, 'latin1')
        cls.addClassCleanup(server.drop_database, name)
        return server.url(name, cls.driver)


class PostgreSQL(base.DatabaseTest):
    @classmethod
    def make_url(cls) -> str:
        server = services.postgresql()
        name = f'test_{uuid.uuid4().hex}'
        server.create_database(name)
        cls.addClassCleanup(server.drop_database, name)
        return server.url(name)
