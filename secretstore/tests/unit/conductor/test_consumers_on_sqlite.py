# SPDX-License-Identifier: Apache-2.0
"""The suite of consumers on SQLite files."""

from secretstore.tests.unit.conductor import consumers_suite


class TestConsumersTogether(consumers_suite.ConsumersTogether):
    pass
