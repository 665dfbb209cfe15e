# SPDX-License-Identifier: Apache-2.0
"""What is asked of oslo.messaging beside its interface."""

import unittest

from oslo_config import cfg

from secretstore.rpc import messaging, threads

_NAME = 'ACK_REQUEUE_EVERY_SECONDS_MIN'


class LookTest(unittest.TestCase):
    def test_both_ends_wait_as_long_as_they_are_told(self) -> None:
        conf = cfg.ConfigOpts()
        conf([], project='secretstore')
        url = messaging.parsed(conf, 'rabbit://127.0.0.1/')
        messaging.transport(conf, url).cleanup()
        driver = threads.library('oslo_messaging._drivers.amqpdriver')
        self.assertGreaterEqual(getattr(driver, _NAME), 0.1)
        ends = driver.AMQPListener.__init__, driver.ReplyWaiter.poll
        for end in ends:
            self.assertIn(_NAME, end.__code__.co_names)
