# SPDX-License-Identifier: Apache-2.0
"""What a conductor does for others, one Protocol per resource.

The conductor's managers implement these, and so does every client, so that
an embedded and a remote conductor are the same call.  Arguments and results
are plain data.  All methods raise :mod:`secretstore.errors`:
``Forbidden`` when policy refuses, ``NotFound`` for what does not exist or
has expired, ``Unavailable`` when trying again later may help.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, TypedDict

from secretstore.context import RequestContext


class NewSecret(TypedDict):
    """A secret to be stored; *payload* and *content_type* go together."""

    name: str | None
    secret_type: str
    algorithm: str | None
    bit_length: int | None
    mode: str | None
    expiration: datetime | None
    content_type: str | None
    payload: bytes | None


class SecretView(TypedDict):
    """What may be told of a secret without its payload.

    Times are naive UTC; *content_type* is None until there is a payload.
    """

    id: str
    name: str | None
    secret_type: str
    algorithm: str | None
    bit_length: int | None
    mode: str | None
    creator_id: str | None
    content_type: str | None
    expiration: datetime | None
    created: datetime
    updated: datetime


class Payload(NamedTuple):
    """A secret's bytes and the content type they were stored with."""

    content_type: str
    data: bytes


TimeOperator = Literal['gt', 'gte', 'lt', 'lte', 'eq']
TimeFilter = Sequence[tuple[TimeOperator, datetime]]


class SecretQuery(TypedDict):
    """Which secrets to list, in which order, and which part of them.

    *acl_only* asks for what ACLs share with the caller in place of what the
    caller's project owns.  *sort* holds (field, descending) pairs, with the
    field names of :class:`SecretView` and ``status``.  *marker* is the id of
    the last secret of the page before; without it *offset* says where to
    begin.
    """

    name: str | None
    algorithm: str | None
    mode: str | None
    bit_length: int | None
    secret_type: str | None
    created: TimeFilter
    updated: TimeFilter
    expiration: TimeFilter
    sort: Sequence[tuple[str, bool]]
    limit: int
    offset: int
    marker: str | None
    acl_only: bool


class SecretPage(NamedTuple):
    """One page, and how many secrets match in all."""

    secrets: list[SecretView]
    total: int


class Secrets(Protocol):
    """Secrets and their payloads."""

    def create(self, context: RequestContext, secret: NewSecret) -> str:
        """Store a secret in the caller's project; returns its id (UUID4)."""

    def get(self, context: RequestContext, secret_id: str) -> SecretView:
        """What is known of a secret, without its payload."""

    def payload(self, context: RequestContext, secret_id: str) -> Payload:
        """The decrypted payload; Corrupt when it does not authenticate."""

    def put_payload(
        self,
        context: RequestContext,
        secret_id: str,
        content_type: str,
        payload: bytes,
    ) -> None:
        """Give a secret its payload, once; Conflict when it has one."""

    def require_put(self, context: RequestContext, secret_id: str) -> None:
        """Raise what put_payload would, whatever the payload."""

    def page(self, context: RequestContext, query: SecretQuery) -> SecretPage:
        """A page of the secrets of the caller's project."""

    def delete(self, context: RequestContext, secret_id: str) -> None:
        """Remove a secret, its payload and its metadata for good."""


class SecretMetadata(Protocol):
    """The key-value pairs that users attach to secrets."""

    def get_all(
        self, context: RequestContext, secret_id: str
    ) -> dict[str, str]:
        """All pairs of the secret."""

    def replace(
        self,
        context: RequestContext,
        secret_id: str,
        metadata: Mapping[str, str],
    ) -> None:
        """Put these pairs in place of all there were."""

    def get(self, context: RequestContext, secret_id: str, key: str) -> str:
        """The value of one key."""

    def add(
        self, context: RequestContext, secret_id: str, key: str, value: str
    ) -> None:
        """Add a pair; Conflict when the key exists."""

    def update(
        self, context: RequestContext, secret_id: str, key: str, value: str
    ) -> None:
        """Change the value of a key that exists."""

    def delete(
        self, context: RequestContext, secret_id: str, key: str
    ) -> None:
        """Remove a key; nothing happens when there is none."""


class Health(Protocol):
    """Whether the conductor can do its work."""

    def check(self) -> None:
        """Raise Unavailable, or a permanent error, that says what fails."""


class Conductor(NamedTuple):
    """All resources of one conductor, embedded or remote."""

    secrets: Secrets
    secret_metadata: SecretMetadata
    health: Health
