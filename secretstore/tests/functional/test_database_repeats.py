# SPDX-License-Identifier: Apache-2.0
"""Ids that callers chose, on real servers."""

import abc
import uuid

from secretstore.tests.functional import services
from secretstore.tests.unit.conductor import test_repeats
from secretstore.tests.unit.conductor.base import ConductorTest


class _OnServer(ConductorTest, abc.ABC):
    """A conductor on a database of its own."""

    @classmethod
    @abc.abstractmethod
    def server(cls) -> services.Database: ...

    @classmethod
    def setUpClass(cls) -> None:
        server, name = cls.server(), f'test_{uuid.uuid4().hex}'
        server.create_database(name)
        cls.addClassCleanup(server.drop_database, name)
        cls.overrides = {'database__connection': server.url(name)}
        super().setUpClass()


class _MariaDB(_OnServer):
    @classmethod
    def server(cls) -> services.Database:
        return services.mariadb()


class _PostgreSQL(_OnServer):
    @classmethod
    def server(cls) -> services.Database:
        return services.postgresql()


class TestSecretsOnMariaDB(_MariaDB, test_repeats.SecretsTest):
    pass


class TestContainersOnMariaDB(_MariaDB, test_repeats.ContainersTest):
    pass


class TestOrdersOnMariaDB(_MariaDB, test_repeats.OrdersTest):
    pass


class TestSecretsOnPostgreSQL(_PostgreSQL, test_repeats.SecretsTest):
    pass


class TestContainersOnPostgreSQL(_PostgreSQL, test_repeats.ContainersTest):
    pass


class TestOrdersOnPostgreSQL(_PostgreSQL, test_repeats.OrdersTest):
    pass
