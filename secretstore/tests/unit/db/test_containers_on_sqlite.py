# SPDX-License-Identifier: Apache-2.0
"""The suites of containers on SQLite files."""

from secretstore.tests.unit.db import (
    containers_suite,
    containers_together_suite,
)


class TestContainers(containers_suite.Containers):
    pass


class TestContainersTogether(containers_together_suite.ContainersTogether):
    pass
