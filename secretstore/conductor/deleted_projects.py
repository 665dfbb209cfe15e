# SPDX-License-Identifier: Apache-2.0
"""Keystone says that a project was deleted: purge it."""

from collections.abc import Callable, Mapping
import re
import threading
import time
from typing import Any, Literal, NamedTuple

from oslo_log import log as logging

from secretstore import errors
from secretstore.conductor.background import Task
from secretstore.conductor.purge import Purge

LOG = logging.getLogger(__name__)

EVENT = 'identity.project.deleted'
RETRY_SECONDS = 5
_LONGEST_ID = 255
# Of no project's id; and not every database can be asked for all of them.
_NO_ID = re.compile('[\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_MOST_SECONDS_LATE = 60

# As oslo_messaging.NotificationResult has them.
Result = Literal['handled', 'requeue']


class _Again(NamedTuple):
    due: float
    project_id: str


class DeletedProjects:
    """An endpoint of oslo.messaging's notification listener.

    Thread safe.  A notification is handled when the project is gone, and
    put back into the queue, after a pause, when it could not be purged.
    Those about anything else, and those that cannot be understood, are
    handled at once.
    """

    def __init__(
        self,
        purge: Purge,
        again_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._purge = purge
        self._again_after = again_after
        self._clock = clock
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._again: list[_Again] = []

    def info(
        self,
        context: object,
        publisher_id: object,
        event_type: object,
        payload: object,
        metadata: object,
    ) -> Result:
        """Called by the listener; Keystone notifies at this level only."""
        if event_type != EVENT:
            return 'handled'
        project_id = _project_id(payload)
        if project_id is None:
            LOG.warning(
                'Dropped a notification of a deleted project that does not '
                'name the project'
            )
            return 'handled'
        try:
            self._purge.purge(project_id)
        except errors.InvalidInput as error:
            # It would be no other when it came again.
            LOG.warning(
                'Dropped a notification of a deleted project: %s', error
            )
            return 'handled'
        except Exception as error:
            self._failed(project_id, error)
            return 'requeue'
        self._remember(project_id)
        return 'handled'

    def task(self) -> Task:
        """Purges them once more, for those who had their keys in memory."""
        seconds = min(self._again_after, _MOST_SECONDS_LATE)
        return Task('second purge', max(seconds, 1), self.purge_again)

    def purge_again(self) -> None:
        """Purge those once more whose time has come."""
        while (project_id := self._next()) is not None:
            try:
                self._purge.purge(project_id)
            except errors.SecretStoreError:
                self._remember(project_id)
                raise

    def stop(self) -> None:
        """Have nobody wait before a notification is put back."""
        self._stopping.set()

    def _failed(self, project_id: str, error: Exception) -> None:
        LOG.error(
            'Project %s is not purged yet and will be tried again: %s: %s',
            project_id,
            type(error).__name__,
            ' '.join(str(error).split()),
        )
        # It comes back as soon as it is put back.
        self._stopping.wait(RETRY_SECONDS)

    def _remember(self, project_id: str) -> None:
        if self._again_after:
            due = self._clock() + self._again_after
            with self._lock:
                self._again.append(_Again(due, project_id))

    def _next(self) -> str | None:
        with self._lock:
            if self._again and self._again[0].due <= self._clock():
                return self._again.pop(0).project_id
        return None


def _project_id(payload: object) -> str | None:
    """What was deleted; the basic and the CADF format say it alike."""
    if not isinstance(payload, Mapping):
        return None
    fields: Mapping[Any, Any] = payload
    found = fields.get('resource_info')
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID:
        return None
    return None if _NO_ID.search(found) else found
