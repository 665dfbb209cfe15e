# SPDX-License-Identifier: Apache-2.0
"""Which custodians cannot be used while others can."""

from collections.abc import Callable, Collection, Mapping

from oslo_log import log as logging

from secretstore import errors
from secretstore.db.keys import MasterKeyRow

LOG = logging.getLogger(__name__)


class Outages:
    """Tells the log of each change, however often it is looked.

    Two threads that look at once may both tell.
    """

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    def check(
        self,
        in_use: Collection[MasterKeyRow],
        needed: Collection[str],
        check: Callable[[MasterKeyRow], None],
    ) -> None:
        """Raise what *check* does if it does so for all that are needed.

        :param needed: strategies of some of the keys in use
        """
        failures = {}
        for row in in_use:
            try:
                check(row)
            except errors.SecretStoreError as exc:
                failures[row.strategy] = exc
        if all(name in failures for name in needed):
            raise next(failures[name] for name in needed)
        self._tell(failures)

    def _tell(self, failures: Mapping[str, errors.SecretStoreError]) -> None:
        """Take note of the strategies that fail now."""
        before, self._known = self._known, frozenset(failures)
        for name in sorted(self._known - before):
            LOG.error(
                'The master key of security strategy %s cannot be used, while '
                'others can: %s',
                name,
                failures[name].message,
            )
        for name in sorted(before - self._known):
            LOG.info(
                'The master key of security strategy %s can be used again',
                name,
            )
