# SPDX-License-Identifier: Apache-2.0
"""Secrets, their payloads, metadata and consumers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, NotRequired, Protocol, TypedDict

from secretstore.context import RequestContext
from secretstore.rpc.interface.common import Page, PageQuery


class NewSecret(TypedDict):
    """A secret to be stored; *payload* and *content_type* go together.

    With *transport_key_id* the payload is sealed to that key.
    """

    name: str | None
    secret_type: str
    algorithm: str | None
    bit_length: int | None
    mode: str | None
    expiration: datetime | None
    content_type: str | None
    payload: bytes | None
    transport_key_id: NotRequired[str]


class NewSecretConsumer(TypedDict):
    """A resource of another service that uses a secret; each 1 to 255."""

    service: str
    resource_type: str
    resource_id: str


class SecretConsumerView(NewSecretConsumer):
    """A consumer of a secret as it is stored; times are naive UTC."""

    id: str
    created: datetime
    updated: datetime


class SecretView(TypedDict):
    """What may be told of a secret without its payload.

    Times are naive UTC; *content_type* is None until there is a payload;
    *consumers* is None unless they were asked for, and *transport_key_id* is
    absent.
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
    consumers: list[SecretConsumerView] | None
    transport_key_id: NotRequired[str]


class Payload(NamedTuple):
    """A secret's bytes and the content type they were stored with."""

    content_type: str
    data: bytes


TimeOperator = Literal['gt', 'gte', 'lt', 'lte', 'eq']
TimeFilter = Sequence[tuple[TimeOperator, datetime]]


class SecretQuery(PageQuery):
    """Which secrets to list, in which order, and which part of them.

    *acl_only* asks for what ACLs share with the caller in place of what the
    caller's project owns.  *sort* holds (field, descending) pairs, with the
    field names of :class:`SecretView` and ``status``.
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
    acl_only: bool


class Secrets(Protocol):
    """Secrets and their payloads."""

    def create(
        self,
        context: RequestContext,
        secret: NewSecret,
        secret_id: str | None = None,
    ) -> str:
        """Store a secret in the caller's project; returns its id (UUID4).

        NotSealed when a sealed payload does not open.

        :param secret_id: a random UUID to be its id, so that asking again
            makes no second one; Conflict when something else has it
        """

    def create_for_transport(
        self,
        context: RequestContext,
        secret: NewSecret,
        secret_id: str | None = None,
    ) -> tuple[str, str]:
        """As create; also returns the transport key to seal a payload to.

        InvalidInput when there are no transport keys.
        """

    def get(
        self,
        context: RequestContext,
        secret_id: str,
        with_consumers: bool = False,
        with_transport_key: bool = False,
    ) -> SecretView:
        """What is known of a secret, without its payload.

        :param with_transport_key: InvalidInput when there are none
        """

    def payload(self, context: RequestContext, secret_id: str) -> Payload:
        """The decrypted payload; Corrupt when it does not authenticate."""

    def put_payload(
        self,
        context: RequestContext,
        secret_id: str,
        content_type: str,
        payload: bytes,
        transport_key_id: str | None = None,
    ) -> None:
        """Give a secret its payload, once; Conflict when it has one.

        :param transport_key_id: the key that the payload is sealed to;
            NotSealed when it does not open
        """

    def require_put(self, context: RequestContext, secret_id: str) -> None:
        """Raise what put_payload would, whatever the payload."""

    def page(
        self,
        context: RequestContext,
        query: SecretQuery,
        with_consumers: bool = False,
    ) -> Page[SecretView]:
        """A page of the secrets of the caller's project."""

    def delete(
        self,
        context: RequestContext,
        secret_id: str,
        unless_consumed: bool = False,
    ) -> None:
        """Remove a secret and all that belongs to it for good.

        :param unless_consumed: InvalidInput when it has consumers
        """


class SecretConsumers(Protocol):
    """Who uses a secret; a secret with consumers should not be deleted."""

    def add(
        self,
        context: RequestContext,
        secret_id: str,
        consumer: NewSecretConsumer,
    ) -> SecretView:
        """Add a consumer, once; the secret with its consumers."""

    def remove(
        self,
        context: RequestContext,
        secret_id: str,
        consumer: NewSecretConsumer,
    ) -> SecretView:
        """Remove a consumer; the secret with those that remain."""

    def get(
        self, context: RequestContext, secret_id: str, consumer_id: str
    ) -> SecretConsumerView:
        """One consumer by its id."""

    def page(
        self, context: RequestContext, secret_id: str, query: PageQuery
    ) -> Page[SecretConsumerView]:
        """A page of the secret's consumers."""


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
