# SPDX-License-Identifier: Apache-2.0
"""The suite of collection and purge on SQLite files."""

from secretstore.tests.unit.conductor import (
    collection_sizes_suite,
    collection_suite,
)


class TestCollections(collection_suite.Collections):
    pass


class TestPurges(collection_suite.Purges):
    pass


class TestSizes(collection_sizes_suite.Sizes):
    pass
