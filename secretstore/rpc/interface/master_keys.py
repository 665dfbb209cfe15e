# SPDX-License-Identifier: Apache-2.0
"""Master keys: for administrators of the service."""

from datetime import datetime
from typing import Literal, Protocol, TypedDict

from secretstore.context import RequestContext

MasterKeyState = Literal['in_use', 'replaced', 'retired', 'destroyed']


class MasterKeyView(TypedDict):
    """A key that a strategy guards; times are naive UTC.

    Of a strategy's keys one is in_use.  A replaced one goes on to open what
    is under it; a retired one has nothing under it any more.
    """

    id: str
    strategy: str
    reference: str
    state: MasterKeyState
    project_keys: int
    created: datetime
    retired: datetime | None
    destroyed: datetime | None


class MasterKeyProgress(TypedDict):
    """All master keys, and how far rewrapping is.

    default_strategy guards the keys of projects that prefer none; to_rewrap
    project keys are still to come under another master key, and rewrapped
    did so within the last rate_seconds.  secrets_to_rewrap are under one of
    replaced_project_keys, which go when nothing is under them.  named_keys
    counts those that a strategy keeps itself, by its name.
    """

    default_strategy: str
    master_keys: list[MasterKeyView]
    to_rewrap: int
    rewrapped: int
    rate_seconds: int
    replaced_project_keys: int
    secrets_to_rewrap: int
    named_keys: dict[str, int]


class ProjectKeyView(TypedDict):
    """The key of a project that is in use; times are naive UTC."""

    id: str
    project_id: str
    master_key_id: str
    created: datetime


class ProjectKeys(Protocol):
    """The keys of projects, under which their payloads are sealed."""

    def rotate(
        self, context: RequestContext, project_id: str
    ) -> ProjectKeyView:
        """Give any project a new key; NotFound when it has none.

        Returns the one in use then.
        """


class MasterKeys(Protocol):
    """Rotation and migration while everything runs.

    InvalidInput for a strategy that the conductor does not have.
    """

    def progress(self, context: RequestContext) -> MasterKeyProgress:
        """All of them, the oldest first."""

    def rotate(
        self, context: RequestContext, strategy: str | None
    ) -> MasterKeyView:
        """Use a new key of a strategy, None: of the default; returns it."""

    def migrate(self, context: RequestContext, strategy: str) -> MasterKeyView:
        """Have another strategy guard the keys; returns its key in use."""

    def retire(self, context: RequestContext, key_id: str) -> MasterKeyView:
        """Have a key destroyed; Conflict while anything needs it."""
