# SPDX-License-Identifier: Apache-2.0
"""What functional tests have in common."""

import pathlib
import unittest
import uuid

from secretstore.tests.functional import services
from secretstore.tests.functional.services import process

DATABASES = ('sqlite', 'mariadb', 'postgresql')


class FunctionalTest(unittest.TestCase):
    """A test against real servers."""

    def new_folder(self, name: str = 'test') -> pathlib.Path:
        """A fresh folder, gone when the test process is."""
        return process.new_folder(name)

    def new_database(self, kind: str) -> str:
        """The SQLAlchemy URL of an empty database, dropped after the test.

        kind is one of DATABASES; skips when its server is not installed.
        """
        if kind == 'sqlite':
            return f'sqlite:///{self.new_folder("sqlite")}/secretstore.db'
        name = f'test_{uuid.uuid4().hex}'
        server: services.Database
        if kind == 'mariadb':
            server = services.mariadb()
        else:
            server = services.postgresql()
        server.create_database(name)
        self.addCleanup(server.drop_database, name)
        return server.url(name)
