# SPDX-License-Identifier: Apache-2.0
"""Requests of all sorts, on the databases that are stricter than SQLite."""

import typing
import uuid

from secretstore.tests.functional import services
from secretstore.tests.functional.services import shared
from secretstore.tests.unit.api import test_anything


class TestMariaDB(test_anything.AnythingTest):
    make_server: typing.ClassVar[typing.Callable[[], shared.Database]] = (
        services.mariadb
    )

    @classmethod
    def setUpClass(cls) -> None:
        server = cls.make_server()
        name = f'anything_{uuid.uuid4().hex}'
        server.create_database(name)
        cls.overrides = {'database__connection': server.url(name)}
        super().setUpClass()


class TestPostgreSQL(TestMariaDB):
    make_server = services.postgresql
