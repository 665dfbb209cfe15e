# SPDX-License-Identifier: Apache-2.0
"""Security strategies of a command that forks after it has tried them."""

from collections.abc import Iterator
import contextlib
import logging

from oslo_config import cfg

from secretstore.conductor import service as conductor
from secretstore.db.engine import Database


def try_keys(conf: cfg.ConfigOpts, database: Database) -> None:
    """Start the strategies and stop them, so that a mistake is found."""
    keys = conductor.key_hierarchy(conf, database)
    keys.start()
    keys.stop()


@contextlib.contextmanager
def said_before() -> Iterator[None]:
    """The first process has said what strategies have to say."""
    strategies = logging.getLogger('secretstore.security')
    level = strategies.level
    strategies.setLevel(logging.ERROR)
    try:
        yield
    finally:
        strategies.setLevel(level)
