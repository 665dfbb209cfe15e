# SPDX-License-Identifier: Apache-2.0
"""Whose identity is in the log lines of a conductor."""

import unittest

from oslo_context.context import get_current

from secretstore.context import RequestContext
from secretstore.tests.unit.conductor.base import context
from secretstore.tests.unit.rpc.test_codec import Whatever, between


class LogIdentityTest(unittest.TestCase):
    def test_nobody_is_named_for_what_somebody_else_asked(self) -> None:
        asked: list[RequestContext | None] = []
        conductor = Whatever()
        conductor.secrets.delete = lambda *_: asked.append(get_current())
        _, remote = between(conductor, seal=True)
        for _ in range(2):
            asking = context()
            remote.secrets.delete(asking, 's')
            assert asked[-1] is not None
            self.assertEqual(asking.request_id, asked[-1].request_id)
            self.assertIsNone(get_current())
