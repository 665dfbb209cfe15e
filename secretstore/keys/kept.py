# SPDX-License-Identifier: Apache-2.0
"""Named keys that a strategy keeps itself need it for as long as they live."""

from collections.abc import Collection

from secretstore.db import engine
from secretstore.db import named_keys as db


@engine.retried
def kept(database: engine.Database) -> dict[str, int]:
    """How many each strategy keeps that keeps any."""
    with database.reading() as connection:
        return db.kept_by_strategies(connection)


def not_enabled(
    database: engine.Database, enabled: Collection[str]
) -> list[str]:
    """A line for the operator on each strategy that is needed, and missing."""
    return [
        f'Security strategy {strategy} keeps {count} named keys, which cannot '
        f'be delivered or deleted: it is not enabled. Add it to '
        f'enabled_security_strategies'
        for strategy, count in kept(database).items()
        if strategy not in enabled
    ]
