# SPDX-License-Identifier: Apache-2.0
import unittest

from secretstore.security import proprietary
from secretstore.tests.contract import strategy
from secretstore.tests.unit.security import keydir


class ProprietaryTest(strategy.StrategyContract, unittest.TestCase):
    def setUp(self) -> None:
        folder = keydir.temporary_directory(self)
        self.conf = keydir.configuration(folder / 'keys')
        super().setUp()

    def build(self) -> proprietary.SecurityWorkflow:
        return proprietary.SecurityWorkflow(self.conf)
