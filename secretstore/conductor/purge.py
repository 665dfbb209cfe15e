# SPDX-License-Identifier: Apache-2.0
"""Remove everything that a project has, and at last its keys."""

import collections

from oslo_log import log as logging

from secretstore import errors
from secretstore.db import collection, purge
from secretstore.db.engine import Database, retried
from secretstore.keys.hierarchy import SERVICE_PROJECT

LOG = logging.getLogger(__name__)

# A project that is still written to may have something new after each round.
_ROUNDS = 5


class Purge:
    """Removes projects; may be cut off at any time, and done once more.

    What a process does that has the project's key in its memory is not
    prevented: a secret that it stores after the key is gone cannot be read
    for long, and is removed by another purge.
    """

    def __init__(self, database: Database, batch_size: int) -> None:
        self._database = database
        self._batch_size = batch_size

    @retried
    def count(self, project_id: str) -> dict[str, int]:
        """How many of each kind the project has; kinds it lacks are 0."""
        with self._database.reading() as connection:
            return purge.count(connection, project_id)

    def purge(self, project_id: str) -> dict[str, int]:
        """Remove everything; returns how many of each kind that were.

        Raises Conflict when somebody goes on adding to the project, and
        DatabaseUnavailable; call it again then.  InvalidInput for what is
        no project of anybody's.
        """
        if project_id == SERVICE_PROJECT:
            raise errors.InvalidInput(
                'This is what the service keeps for itself'
            )
        removed: collections.Counter[str] = collections.Counter()
        for _ in range(_ROUNDS):
            # Others' consumers go, uncounted, with what they use.
            removed.update(self._others(project_id))
            for resource in purge.RESOURCES:
                removed[resource] += self._all(resource, project_id)
            rest = self._finish(project_id)
            if rest is not None:
                removed.update(rest)
                _report(project_id, removed)
                return dict(removed)
        raise errors.Conflict(
            f'Project {project_id} is still written to: disable it, and '
            f'purge it once more'
        )

    def _all(self, resource: collection.Resource, project_id: str) -> int:
        total = 0
        while removed := self._batch(resource, project_id):
            total += removed
        return total

    @retried
    def _batch(self, resource: collection.Resource, project_id: str) -> int:
        with self._database.writing() as connection:
            found = collection.of_project(
                connection, resource, project_id, self._batch_size
            )
            return collection.remove(connection, resource, found)

    def _others(self, project_id: str) -> collections.Counter[str]:
        total: collections.Counter[str] = collections.Counter()
        while removed := self._others_batch(project_id):
            total.update(removed)
        return total

    @retried
    def _others_batch(self, project_id: str) -> dict[str, int]:
        # Outside of the transaction, which would lock what it looks at.
        with self._database.reading() as connection:
            found = purge.some(connection, project_id, self._batch_size)
            elsewhere = purge.elsewhere(connection, found['named keys'])
        for strategy, reference in elsewhere:
            # Before it is forgotten: told twice rather than never.
            LOG.warning(
                'A named key of project %s is not removed from where the '
                'strategy "%s" keeps it: remove %s there',
                project_id,
                strategy,
                reference,
            )
        removed = {}
        for kind, ids in found.items():
            if ids:
                with self._database.writing() as connection:
                    removed[kind] = purge.remove_some(
                        connection, project_id, kind, ids
                    )
        return removed

    @retried
    def _finish(self, project_id: str) -> dict[str, int] | None:
        with self._database.writing() as connection:
            return purge.finish(connection, project_id)


def _report(project_id: str, removed: dict[str, int]) -> None:
    LOG.info(
        'Purged project %s: %s', project_id, described(removed) or 'nothing'
    )


def described(counts: dict[str, int]) -> str:
    """As in "2 secrets, 1 project keys"; empty when there is nothing."""
    return ', '.join(
        f'{count} {kind}' for kind, count in counts.items() if count
    )
